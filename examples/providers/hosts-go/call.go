package main

import (
	"encoding/json"
	"io"
	"sync"
)

const (
	maxLine  = 4 << 20   // bytes of a message, with its newline
	maxPart  = 512 << 10 // bytes of items after which a part of the answer is sent
	maxItem  = maxLine - 4096
	maxItems = 10_000
)

// output writes one message a line. It remembers the first error, after which it writes nothing.
type output struct {
	mu  sync.Mutex
	w   io.Writer
	err error
}

func (o *output) send(message map[string]any) {
	message["jsonrpc"] = "2.0"
	line, err := encode(message)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return
	}
	if err == nil {
		_, err = o.w.Write(append(line, '\n'))
	}
	o.err = err
}

func (o *output) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// Call is a request in hand: where its items, its progress and its log go.
type Call struct {
	request      int64
	out          *output
	hasLog       bool
	hasProgress  bool
	pending      []json.RawMessage
	pendingBytes int
}

// Answer adds an item to the answer. A long answer leaves in parts.
func (c *Call) Answer(id string, item any) {
	raw, err := encode(item)
	if err != nil || len(raw) > maxItem {
		failure := permanent("", "the answer for this item does not fit into a message")
		raw, _ = encode(map[string]any{"id": id, "error": failure})
	}
	if c.pendingBytes+len(raw) > maxPart {
		c.Flush()
	}
	c.pending = append(c.pending, raw)
	c.pendingBytes += len(raw) + 1
}

// Flush sends what is answered so far, so that it is not lost with the process.
func (c *Call) Flush() {
	if len(c.pending) == 0 {
		return
	}
	c.notify("items", map[string]any{"items": c.pending})
	c.pending, c.pendingBytes = nil, 0
}

// rest is what the result holds: the items that have not left yet.
func (c *Call) rest() map[string]any {
	items := c.pending
	if items == nil {
		items = []json.RawMessage{}
	}
	return map[string]any{"items": items}
}

// Warn logs a warning about an item, if the caller shows it.
func (c *Call) Warn(id, message string) {
	if !c.hasLog {
		return
	}
	params := map[string]any{"level": "warning", "message": message}
	if id != "" {
		params["id"] = id
	}
	c.notify("log", params)
}

// Progress says how many items are done, if the caller shows it.
func (c *Call) Progress(message string, done, total int) {
	if c.hasProgress {
		c.notify("progress", map[string]any{"message": message, "done": done, "total": total})
	}
}

func (c *Call) notify(method string, params map[string]any) {
	params["request"] = c.request
	c.out.send(map[string]any{"method": method, "params": params})
}
