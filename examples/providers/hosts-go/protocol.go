package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
	"unicode/utf8"
)

// Why a request stops early; causes of its context.
var (
	errCanceled = errors.New("canceled before it was begun")
	errDeadline = errors.New("the deadline passed before it was begun")
	errEnded    = errors.New("the session ended before it was begun")
)

const maxDeadlineMS = 1 << 40 // beyond it, a Duration would overflow

var errBadLine = errors.New("a line of stdin is not JSON, or longer than 4 MiB")

// Session speaks the protocol on behalf of a Provider. One goroutine reads stdin, so that a cancel is seen while a
// request is in hand; requests are answered one after the other by the goroutine of Serve.
type Session struct {
	out      *output
	manifest Manifest
	provider *Provider

	state       state
	hasLog      bool
	hasProgress bool

	mu      sync.Mutex
	cancels map[int64]context.CancelCauseFunc
}

type state int

const (
	fresh state = iota
	initialized
	shutDown
)

type request struct {
	id     int64
	method string
	params json.RawMessage
	ctx    context.Context
	fault  *Fault // not a request that could be read; its id is then null
}

func NewSession(out io.Writer, manifest Manifest, provider *Provider) *Session {
	return &Session{
		out: &output{w: out}, manifest: manifest, provider: provider,
		cancels: make(map[int64]context.CancelCauseFunc),
	}
}

// Serve answers requests until in ends. The error says why the session ended otherwise.
func (s *Session) Serve(in io.Reader) error {
	queue := make(chan request, 64)
	var readErr error
	go func() {
		defer close(queue)
		readErr = s.read(in, queue)
	}()
	for r := range queue {
		s.answer(r)
		if err := s.out.failed(); err != nil {
			return fmt.Errorf("write an answer: %w", err)
		}
	}
	return readErr
}

func (s *Session) read(in io.Reader, queue chan<- request) error {
	ended, end := context.WithCancelCause(context.Background())
	defer end(errEnded)
	lines := bufio.NewReaderSize(in, maxLine)
	for {
		line, err := lines.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull), err == nil && !(utf8.Valid(line) && json.Valid(line)):
			end(errEnded)
			queue <- request{fault: &Fault{Code: codeParse, Message: errBadLine.Error()}}
			return errBadLine
		case errors.Is(err, io.EOF): // a line without its end is no message
			return nil
		case err != nil:
			return fmt.Errorf("read stdin: %w", err)
		}
		s.receive(ended, bytes.Clone(line), queue)
	}
}

// receive takes one message in: a request into the queue, a cancel to the request that it means.
func (s *Session) receive(ended context.Context, line []byte, queue chan<- request) {
	var message struct {
		JSONRPC string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Method  *string         `json:"method"`
		Params  json.RawMessage `json:"params"`
	}
	err := json.Unmarshal(line, &message)
	if err != nil || message.JSONRPC != "2.0" || message.Method == nil {
		queue <- request{fault: &Fault{Code: codeNotRequest, Message: "not a request of JSON-RPC 2.0"}}
		return
	}
	if message.ID == nil {
		if *message.Method == "cancel" {
			s.cancel(message.Params)
		}
		return
	}
	var id *int64
	if json.Unmarshal(message.ID, &id) != nil || id == nil {
		queue <- request{fault: &Fault{Code: codeNotRequest, Message: "the id of a request is an integer"}}
		return
	}
	ctx := s.begin(ended, *id, message.Params)
	queue <- request{id: *id, method: *message.Method, params: message.Params, ctx: ctx}
}

// begin starts the clock of a request: its deadline counts from its arrival.
func (s *Session) begin(ended context.Context, id int64, params json.RawMessage) context.Context {
	ctx, cancel := context.WithCancelCause(ended)
	var limit struct {
		DeadlineMS *int64 `json:"deadline_ms"`
	}
	if json.Unmarshal(params, &limit) == nil && limit.DeadlineMS != nil {
		span := time.Duration(min(*limit.DeadlineMS, maxDeadlineMS)) * time.Millisecond
		timer := time.AfterFunc(span, func() { cancel(errDeadline) })
		context.AfterFunc(ctx, func() { timer.Stop() })
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancels[id] = cancel
	return ctx
}

func (s *Session) cancel(params json.RawMessage) {
	var which struct {
		Request *int64 `json:"request"`
	}
	if json.Unmarshal(params, &which) == nil && which.Request != nil {
		s.finish(*which.Request, errCanceled)
	}
}

// finish ends the context of a request. One that is over, or never came, is ignored.
func (s *Session) finish(id int64, cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel, ok := s.cancels[id]; ok {
		cancel(cause)
		delete(s.cancels, id)
	}
}

func (s *Session) answer(r request) {
	if r.fault != nil {
		s.out.send(map[string]any{"id": nil, "error": r.fault})
		return
	}
	defer s.finish(r.id, nil)
	result, err := s.dispatch(r)
	if err == nil {
		s.out.send(map[string]any{"id": r.id, "result": result})
		return
	}
	var fault *Fault
	if !errors.As(err, &fault) {
		fault = &Fault{Code: codeParameters, Message: fmt.Sprintf("params of %s: %v", r.method, err)}
	}
	s.out.send(map[string]any{"id": r.id, "error": fault})
}
