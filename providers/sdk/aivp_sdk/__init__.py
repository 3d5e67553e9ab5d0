"""The provider SDK: dataclass schemas, observe and apply, errors, and `serve`. Standard library only, Python 3.9."""

from aivp_contract.diff import same
from aivp_contract.observation import Observation
from aivp_contract.values import Binary, Blob, Json, Secret, Unknown, Verdict

from .child import Completed
from .errors import Canceled, Interrupted, Permanent, ProviderError, RateLimited, Temporary
from .kind import Change, Done, Item, Kind, Listed, Result, Seen
from .process import Session
from .provider import Provider
from .schema import attribute

__all__ = [
    "Binary",
    "Blob",
    "Canceled",
    "Change",
    "Completed",
    "Done",
    "Interrupted",
    "Item",
    "Json",
    "Kind",
    "Listed",
    "Observation",
    "Permanent",
    "Provider",
    "ProviderError",
    "RateLimited",
    "Result",
    "Secret",
    "Seen",
    "Session",
    "Temporary",
    "Unknown",
    "Verdict",
    "attribute",
    "same",
]
