package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Hosts is a hosts file in memory. Lines that nobody asks to change keep every byte.
type Hosts struct {
	lines []hostsLine
	index map[string][]int // name to the lines that hold it, as first name or alias
	end   string           // how lines of this file end
}

type hostsLine struct {
	body  string
	end   string // "\n", "\r\n", or "" in a last line
	entry *Entry // nil: a comment, an empty line, or nothing that a resolver understands
	gone  bool
}

// Entry is what a line says. Names are in lower case, since resolvers do not tell cases apart.
type Entry struct {
	Address netip.Addr
	Name    string
	Aliases []string // as they follow in the line
	Comment string   // without # and the white space around it
	Line    string   // the line without its end
}

// Wanted is what a line shall become. What is nil stays as it is.
type Wanted struct {
	Name    string
	Address *netip.Addr
	Add     []string // aliases
	Drop    []string // aliases
	Comment *string
}

// AmbiguousError tells that a name stands first in several lines, so that nobody knows which one is meant.
type AmbiguousError struct {
	Name  string
	Lines []int // from 1
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%s stands first in the lines %s", e.Name, strings.Trim(fmt.Sprint(e.Lines), "[]"))
}

// ParseHosts reads a hosts file. Every content is one: what is no entry is kept as it is.
func ParseHosts(content []byte) *Hosts {
	hosts := &Hosts{index: make(map[string][]int), end: "\n"}
	for _, raw := range strings.SplitAfter(string(content), "\n") {
		if raw == "" {
			continue
		}
		body := strings.TrimSuffix(raw, "\n")
		if body != raw {
			body = strings.TrimSuffix(body, "\r")
			hosts.end = raw[len(body):]
		}
		hosts.add(body, raw[len(body):])
	}
	return hosts
}

func (h *Hosts) Bytes() []byte {
	var content strings.Builder
	for _, line := range h.lines {
		if !line.gone {
			content.WriteString(line.body + line.end)
		}
	}
	return []byte(content.String())
}

// Find gives the entry that has name as its first name, or nil.
func (h *Hosts) Find(name string) (*Entry, error) {
	i, err := h.find(name)
	if err != nil || i < 0 {
		return nil, err
	}
	return h.lines[i].entry, nil
}

// Entries are those whose first name stands first in one line only, in the order of the file; names that stand first
// in several lines come apart from them.
func (h *Hosts) Entries() (entries []Entry, ambiguous []string) {
	for i, line := range h.lines {
		if line.gone || line.entry == nil {
			continue
		}
		switch lines := h.firsts(line.entry.Name); {
		case len(lines) == 1:
			entries = append(entries, *line.entry)
		case lines[0] == i:
			ambiguous = append(ambiguous, line.entry.Name)
		}
	}
	return entries, ambiguous
}

// Ensure brings the line of a name to what is wanted, and tells whether that took a change. A name without a line gets
// one at the end, if the address is known; otherwise the entry is nil.
func (h *Hosts) Ensure(want Wanted) (entry *Entry, isChanged bool, err error) {
	i, err := h.find(want.Name)
	if err != nil {
		return nil, false, err
	}
	if i < 0 {
		if want.Address == nil {
			return nil, false, nil
		}
		if last := len(h.lines) - 1; last >= 0 && h.lines[last].end == "" {
			h.lines[last].end = h.end
		}
		h.add(newBody(want), h.end)
		return h.lines[len(h.lines)-1].entry, true, nil
	}
	body := editBody(h.lines[i].body, want)
	isChanged = body != h.lines[i].body
	if isChanged {
		h.set(i, body)
	}
	return h.lines[i].entry, isChanged, nil
}

// Remove takes a name and the aliases to drop out of the file, and the comment if it is the one given. Aliases of
// others stay: then the first of them becomes the name of the line.
func (h *Hosts) Remove(want Wanted) (isChanged bool, err error) {
	i, err := h.find(want.Name)
	if err != nil || i < 0 {
		return false, err
	}
	entry := h.lines[i].entry
	if len(without(entry.Aliases, want.Drop)) == 0 {
		h.set(i, "")
		h.lines[i].gone = true
		return true, nil
	}
	rest := Wanted{Drop: append([]string{want.Name}, want.Drop...)}
	if want.Comment != nil && *want.Comment == entry.Comment {
		rest.Comment = new(string)
	}
	h.set(i, editBody(h.lines[i].body, rest))
	return true, nil
}

// ShadowedBy gives the number of an earlier line, of the same family, from which a resolver answers first; or 0.
func (h *Hosts) ShadowedBy(name string) int {
	own, err := h.find(name)
	if err != nil || own < 0 {
		return 0
	}
	for _, i := range h.index[name] {
		if i < own && h.lines[i].entry.Address.Is4() == h.lines[own].entry.Address.Is4() {
			return h.number(i)
		}
	}
	return 0
}

func (h *Hosts) find(name string) (int, error) {
	firsts := h.firsts(name)
	switch len(firsts) {
	case 0:
		return -1, nil
	case 1:
		return firsts[0], nil
	}
	numbers := make([]int, len(firsts))
	for n, i := range firsts {
		numbers[n] = h.number(i)
	}
	return -1, &AmbiguousError{Name: name, Lines: numbers}
}

// firsts are the lines that a name stands first in.
func (h *Hosts) firsts(name string) []int {
	var firsts []int
	for _, i := range h.index[name] {
		if h.lines[i].entry.Name == name {
			firsts = append(firsts, i)
		}
	}
	return firsts
}

// number is what an editor calls line i.
func (h *Hosts) number(i int) int {
	number := 1
	for _, line := range h.lines[:i] {
		if !line.gone {
			number++
		}
	}
	return number
}

func (h *Hosts) add(body, end string) {
	h.lines = append(h.lines, hostsLine{end: end})
	h.set(len(h.lines)-1, body)
}

// set gives line i another body and keeps the index true.
func (h *Hosts) set(i int, body string) {
	line := &h.lines[i]
	for _, name := range line.entry.names() {
		h.index[name] = slices.DeleteFunc(h.index[name], func(n int) bool { return n == i })
	}
	line.body, line.entry = body, parseEntry(body)
	for _, name := range line.entry.names() {
		lines := h.index[name]
		if at, found := slices.BinarySearch(lines, i); !found {
			h.index[name] = slices.Insert(lines, at, i)
		}
	}
}

func (e *Entry) names() []string {
	if e == nil {
		return nil
	}
	return append([]string{e.Name}, e.Aliases...)
}

// Preview gives the line that Ensure would leave, without leaving it; false if there would be none.
func (h *Hosts) Preview(want Wanted) (string, bool, error) {
	i, err := h.find(want.Name)
	switch {
	case err != nil:
		return "", false, err
	case i >= 0:
		return editBody(h.lines[i].body, want), true, nil
	case want.Address != nil:
		return newBody(want), true, nil
	default:
		return "", false, nil
	}
}
