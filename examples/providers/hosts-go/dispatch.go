package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
)

// dispatch gives the result of a request. An error that is no Fault tells of wrong parameters.
func (s *Session) dispatch(r request) (result map[string]any, err error) {
	defer func() {
		if bug := recover(); bug != nil {
			reportBug(bug)
			err = &Fault{Code: codeInternal, Message: "a bug in the provider hosts; its stderr says where"}
		}
	}()
	switch {
	case s.state == fresh && r.method != "initialize":
		return nil, &Fault{Code: codeNotRequest, Message: "the first request is initialize"}
	case s.state != fresh && r.method == "initialize":
		return nil, &Fault{Code: codeNotRequest, Message: "initialize comes once"}
	case s.state == shutDown:
		return nil, &Fault{Code: codeNotRequest, Message: "nothing comes after shutdown"}
	}
	call := &Call{request: r.id, out: s.out, hasLog: s.hasLog, hasProgress: s.hasProgress}
	switch r.method {
	case "initialize":
		return s.initialize(r.params)
	case "observe":
		items, err := decodeResources(r.params, "id", "kind", "config")
		if err != nil {
			return nil, err
		}
		if err := s.checkForm(items, false); err != nil {
			return nil, err
		}
		s.provider.Observe(r.ctx, call, items)
		return call.rest(), nil
	case "apply":
		items, err := decodeResources(r.params, "id", "kind", "config", "action", "seen")
		if err != nil {
			return nil, err
		}
		if err := s.checkForm(items, true); err != nil {
			return nil, err
		}
		s.provider.Apply(r.ctx, call, items)
		return call.rest(), nil
	case "list":
		var params struct {
			Kind string `json:"kind"`
		}
		if err := decodeMembers(r.params, &params, "kind"); err != nil {
			return nil, err
		}
		if err := s.provider.List(r.ctx, call, params.Kind); err != nil {
			return nil, err
		}
		return call.rest(), nil
	case "shutdown":
		s.state = shutDown
		return map[string]any{}, nil
	default:
		return nil, &Fault{Code: codeNoMethod, Message: clip("no method " + r.method)}
	}
}

func (s *Session) initialize(params json.RawMessage) (map[string]any, error) {
	var caller struct {
		Protocol struct {
			Major int `json:"major"`
		} `json:"protocol"`
		Capabilities  map[string]any  `json:"capabilities"`
		Configuration json.RawMessage `json:"configuration"`
	}
	if err := decodeMembers(params, &caller, "protocol", "capabilities", "configuration"); err != nil {
		return nil, err
	}
	if caller.Protocol.Major != 1 {
		return nil, &Fault{
			Code:    codeWrongProtocol,
			Message: fmt.Sprintf("this provider does not speak version %d of the protocol", caller.Protocol.Major),
			Data:    map[string]any{"majors": []int{1}},
		}
	}
	if err := s.provider.Configure(caller.Configuration); err != nil {
		return nil, err
	}
	s.hasLog = isNamed(caller.Capabilities["log"])
	s.hasProgress = isNamed(caller.Capabilities["progress"])
	s.state = initialized
	return map[string]any{
		"protocol":     map[string]any{"major": 1, "minor": 0},
		"provider":     map[string]any{"name": s.manifest.Name, "version": s.manifest.Version},
		"kinds":        s.manifest.Kinds,
		"capabilities": map[string]any{"list": true, "cancel": true},
	}, nil
}

// checkForm refuses a request as a whole before any item of it is acted on.
func (s *Session) checkForm(items []Resource, isApply bool) error {
	for i, item := range items {
		if _, isServed := s.manifest.Kinds[item.Kind]; !isServed {
			return fmt.Errorf("items/%d: the kind %q is not served here", i, clip(item.Kind))
		}
		if isApply && !slices.Contains([]string{"create", "update", "delete", "refresh"}, item.Action) {
			return fmt.Errorf("items/%d: there is no action %q", i, clip(item.Action))
		}
	}
	return nil
}

// isNamed tells whether a capability is there: true or a value, not absent, null or false.
func isNamed(capability any) bool {
	return capability != nil && capability != false
}

// reportBug writes where a panic came from, but not its text: that may hold a secret.
func reportBug(bug any) {
	if err, ok := bug.(runtime.Error); ok {
		bug = err.Error()
	} else {
		bug = fmt.Sprintf("a panic with %T", bug)
	}
	fmt.Fprintf(os.Stderr, "hosts: bug: %s\n%s", bug, debug.Stack())
}
