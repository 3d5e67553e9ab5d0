package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Provider observes, applies and lists entries of hosts files.
type Provider struct {
	Kind        string
	DefaultFile string
	Files       []string // those that are listed
}

// Configure takes over what people wrote for the provider.
func (p *Provider) Configure(configuration json.RawMessage) error {
	var written struct {
		Files []string `json:"files"`
	}
	if err := decodeMembers(configuration, &written); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	for _, file := range written.Files {
		if _, reason := normalise("file", file); reason != "" {
			return failed(permanent("/files", "%q %s", file, reason))
		}
	}
	if written.Files != nil {
		p.Files = written.Files
	}
	return nil
}

// Observe answers for each item what is there and what will be. It reads every file once, and changes nothing.
func (p *Provider) Observe(ctx context.Context, call *Call, items []Resource) {
	type snapshot struct {
		hosts *Hosts
		err   error
	}
	snapshots := make(map[string]snapshot)
	read := func(file string) (*Hosts, error) {
		known, ok := snapshots[file]
		if !ok {
			content, err := readHosts(file)
			known = snapshot{ParseHosts(content), err}
			snapshots[file] = known
		}
		return known.hosts, known.err
	}
	for _, item := range items {
		answer := Observed{ID: item.ID, Error: stopped(ctx)}
		if answer.Error == nil {
			answer.Observation, answer.Error = p.observe(item, read)
		}
		call.Answer(item.ID, answer)
	}
}

func (p *Provider) observe(item Resource, read func(string) (*Hosts, error)) (*Observation, *Failure) {
	d, failure := declare(item, p.DefaultFile)
	if failure != nil {
		return nil, failure
	}
	if d.isUnknown["name"] || d.isUnknown["file"] { // then nothing is there yet
		return &Observation{Normalised: d.Normalised, Computed: Attributes{"line": unknown()}}, nil
	}
	hosts, err := read(d.File)
	if err != nil {
		return nil, failureOf(err, d.File)
	}
	entry, err := hosts.Find(d.Want.Name)
	if err != nil {
		return nil, failureOf(err, d.File)
	}
	observation := &Observation{Normalised: d.Normalised, Computed: Attributes{}}
	line, isThere, err := hosts.Preview(d.Want)
	switch {
	case err != nil:
		return nil, failureOf(err, d.File)
	case !isThere || len(d.isUnknown) > 0:
		observation.Computed["line"] = unknown()
	default:
		observation.Computed = d.outputs(line)
	}
	if entry != nil {
		observation.Observed = d.observed(entry)
	}
	return observation, nil
}

// observed shows an entry, with verdicts instead of what must not be shown.
func (d *Declaration) observed(entry *Entry) Attributes {
	fields := Attributes{
		"name": d.Want.Name, "file": d.File,
		"address": entry.Address.String(),
		"aliases": textValues(slices.Clone(entry.Aliases)),
		"comment": textValue(entry.Comment),
	}
	for field, value := range fields {
		if d.isHidden[field] || mentions(value, d.secrets) {
			fields[field] = verdict(d.matches(field, entry))
		}
	}
	for field, value := range d.outputs(entry.Line) {
		fields[field] = value
	}
	return fields
}

// matches tells whether a field of the entry is as declared; nil where nobody can say.
func (d *Declaration) matches(field string, entry *Entry) any {
	if !d.isDeclared(field) || d.isUnknown[field] {
		return nil
	}
	switch field {
	case "address":
		return entry.Address == *d.Want.Address
	case "aliases":
		return len(without(d.Want.Add, entry.Aliases)) == 0 && len(without(entry.Aliases, d.Want.Drop)) == len(entry.Aliases)
	case "comment":
		return entry.Comment == *d.Want.Comment
	default: // the entry was found by it
		return true
	}
}

// outputs are the computed fields of a line. The line of an entry with a secret in it cannot be shown.
func (d *Declaration) outputs(line string) Attributes {
	value := textValue(line)
	if d.isHidden["address"] || d.isHidden["aliases"] || d.isHidden["comment"] || d.isHidden["line"] || mentions(value, d.secrets) {
		return Attributes{}
	}
	return Attributes{"line": value}
}

// List answers with every entry of the files configured that can be told by its name.
func (p *Provider) List(ctx context.Context, call *Call, kind string) error {
	if kind != p.Kind {
		return fmt.Errorf("the kind %q is not served here", clip(kind))
	}
	var found []Listed
	for _, file := range p.Files {
		content, err := readHosts(file)
		if err != nil {
			return failed(failureOf(err, file))
		}
		entries, ambiguous := ParseHosts(content).Entries()
		for _, name := range ambiguous {
			call.Warn("", fmt.Sprintf("%s is left out: it stands first in several lines of %s", clip(name), file))
		}
		for _, entry := range entries {
			if _, reason := normalise("name", entry.Name); reason != "" {
				call.Warn("", fmt.Sprintf("%q of %s is left out: it %s", clip(entry.Name), file, reason))
				continue
			}
			found = append(found, p.listed(file, entry))
		}
	}
	slices.SortFunc(found, func(a, b Listed) int {
		return strings.Compare(a.Name+"\x00"+a.file, b.Name+"\x00"+b.file)
	})
	for i, item := range found {
		if ctx.Err() != nil {
			break // the caller asked for the rest to be left out
		}
		item.ID = strconv.Itoa(i + 1)
		call.Answer(item.ID, item)
	}
	return nil
}

// listed is a declaration that plans to nothing: aliases that cannot be declared need not be, since they are owned.
func (p *Provider) listed(file string, entry Entry) Listed {
	attributes := Attributes{"name": entry.Name, "address": entry.Address.String()}
	if file != p.DefaultFile {
		attributes["file"] = file
	}
	aliases := slices.DeleteFunc(slices.Clone(entry.Aliases), func(alias string) bool {
		_, reason := normalise("name", alias)
		return reason != "" || alias == entry.Name
	})
	if len(aliases) > 0 {
		slices.Sort(aliases)
		attributes["aliases"] = textValues(slices.Compact(aliases))
	}
	if comment, reason := normalise("comment", entry.Comment); reason == "" && comment != "" {
		attributes["comment"] = textValue(comment)
	}
	identity := Attributes{"name": entry.Name, "file": file}
	return Listed{Identity: identity, Attributes: attributes, Name: entry.Name, file: file}
}

// stopped is the failure of an item that is not begun since its request ends early, or nil.
func stopped(ctx context.Context) *Failure {
	if ctx.Err() == nil {
		return nil
	}
	return &Failure{Class: "canceled", Message: context.Cause(ctx).Error()}
}

// failureOf says what an error of the system means for whoever wrote the declaration.
func failureOf(err error, file string) *Failure {
	var known *Failure
	if errors.As(err, &known) {
		return known
	}
	failure := permanent("/file", "%s: %v", file, err)
	if place := (*fs.PathError)(nil); errors.As(err, &place) {
		failure.Message = clip(fmt.Sprintf("cannot %s %s: %v", place.Op, place.Path, place.Err))
	}
	var ambiguous *AmbiguousError
	var number syscall.Errno
	errors.As(err, &number)
	switch {
	case errors.As(err, &ambiguous):
		failure.Path = "/name"
		failure.Mend = "Leave one line that begins with the name; others may hold it as an alias."
	case errors.Is(err, fs.ErrNotExist):
		failure.Message = fmt.Sprintf("the folder of %s does not exist", file)
		failure.Mend = "Declare the folder, or choose another file."
	case number == syscall.EBUSY:
		failure.Message = fmt.Sprintf("%s is a mount of its own, as in a container, and cannot be replaced", file)
		failure.Mend = "Set the name where the container is made."
	case errors.Is(err, errMoved), number == syscall.EAGAIN, number == syscall.EMFILE, number == syscall.ENFILE, number == syscall.ENOMEM:
		failure.Class, failure.DelayMS = "temporary", 1000
	}
	return failure
}
