package main

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Manifest is the part of manifest.json that initialize answers with. It is built in, so that the program cannot
// differ from the file that the caller planned with.
type Manifest struct {
	Name    string
	Version string
	Kinds   map[string]int // kind to schema_version
}

func parseManifest(data []byte) (Manifest, error) {
	var file struct {
		Name    string `json:"name"`
		Version string `json:"version"`
		Kinds   map[string]struct {
			SchemaVersion int `json:"schema_version"`
		} `json:"kinds"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return Manifest{}, fmt.Errorf("manifest.json: %w", err)
	}
	kinds := make(map[string]int, len(file.Kinds))
	for name, kind := range file.Kinds {
		kinds[name] = max(kind.SchemaVersion, 1)
	}
	return Manifest{Name: file.Name, Version: file.Version, Kinds: kinds}, nil
}

// Attributes are fields of a resource. The values are those of encoding/json, with numbers as json.Number.
type Attributes map[string]any

// Resource is an item of an observe or apply request. Action is empty in observe.
type Resource struct {
	ID       string     `json:"id"`
	Kind     string     `json:"kind"`
	Action   string     `json:"action"`
	Identity Attributes `json:"identity"`
	Config   Attributes `json:"config"`
	Prior    Attributes `json:"prior"`
	Tainted  []string   `json:"tainted"`
}

type Observation struct {
	Observed   Attributes `json:"observed"` // nil: there is no such thing
	Normalised Attributes `json:"normalised"`
	Computed   Attributes `json:"computed"`
}

// Observed, Applied and Listed are items of the answers.
type Observed struct {
	ID          string       `json:"id"`
	Observation *Observation `json:"observation,omitempty"`
	Error       *Failure     `json:"error,omitempty"`
}

type Applied struct {
	ID      string
	Outputs Attributes
	Error   *Failure
}

type Listed struct {
	ID         string     `json:"id"`
	Identity   Attributes `json:"identity"`
	Attributes Attributes `json:"attributes"`
	Name       string     `json:"name,omitempty"`
	file       string
}

// MarshalJSON writes the outputs of a success even when there are none, as after a delete.
func (a Applied) MarshalJSON() ([]byte, error) {
	if a.Error != nil {
		return encode(map[string]any{"id": a.ID, "error": a.Error})
	}
	outputs := a.Outputs
	if outputs == nil {
		outputs = Attributes{}
	}
	return encode(map[string]any{"id": a.ID, "outputs": outputs})
}

// Failure is the error of an item. Path is a JSON pointer to the field at fault.
type Failure struct {
	Class   string `json:"class"`
	Message string `json:"message"`
	Path    string `json:"path,omitempty"`
	Mend    string `json:"mend,omitempty"`
	DelayMS int    `json:"delay_ms,omitempty"`
}

func (f *Failure) Error() string { return f.Message }

func permanent(path, format string, values ...any) *Failure {
	return &Failure{Class: "permanent", Path: path, Message: clip(fmt.Sprintf(format, values...))}
}

// clip keeps a message within what the protocol admits, though it may quote anything.
func clip(text string) string {
	const limit = 1000
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return text
}

// Fault is the error of a whole request.
type Fault struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

func (f *Fault) Error() string { return f.Message }

// failed is the fault of a request that has no items to fail.
func failed(failure *Failure) *Fault {
	return &Fault{Code: codeFailed, Message: failure.Message, Data: failure}
}

const (
	codeParse         = -32700
	codeNotRequest    = -32600
	codeNoMethod      = -32601
	codeParameters    = -32602
	codeInternal      = -32603
	codeWrongProtocol = 1
	codeFailed        = 2
)

// encode is json.Marshal without the escapes for HTML.
func encode(value any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), nil
}

// decode is json.Unmarshal that keeps numbers as they are written.
func decode(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	return decoder.Decode(into)
}

// decodeMembers checks that data is an object with the members named, then decodes it.
func decodeMembers(data []byte, into any, members ...string) error {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil || object == nil {
		return fmt.Errorf("not an object")
	}
	for _, member := range members {
		if value, ok := object[member]; !ok || string(value) == "null" {
			return fmt.Errorf("the member %s is missing", member)
		}
	}
	if err := decode(data, into); err != nil {
		// The error of encoding/json may quote what it read, and that may be a secret.
		return fmt.Errorf("a member has another type than the protocol says")
	}
	return nil
}

func decodeResources(params json.RawMessage, members ...string) ([]Resource, error) {
	var list struct {
		Items []json.RawMessage `json:"items"`
	}
	if err := decodeMembers(params, &list, "items"); err != nil {
		return nil, err
	}
	if len(list.Items) > maxItems {
		return nil, fmt.Errorf("%d items are more than %d", len(list.Items), maxItems)
	}
	resources := make([]Resource, len(list.Items))
	for i, item := range list.Items {
		if err := decodeMembers(item, &resources[i], members...); err != nil {
			return nil, fmt.Errorf("items/%d: %w", i, err)
		}
	}
	return resources, nil
}
