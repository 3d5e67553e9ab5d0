package main

import (
	"context"
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

// task is an item of an apply request on its way to an answer.
type task struct {
	item      Resource
	declared  *Declaration
	failure   *Failure
	isLooked  bool // at the file
	isChanged bool
}

// Apply acts. Neighbours in the same file share one rewrite of it.
func (p *Provider) Apply(ctx context.Context, call *Call, items []Resource) {
	tasks := make([]*task, len(items))
	for i, item := range items {
		tasks[i] = &task{item: item}
		tasks[i].declared, tasks[i].failure = p.prepare(item)
	}
	for done := 0; done < len(tasks); {
		run := neighbours(tasks[done:])
		p.applyRun(ctx, call, run)
		done += len(run)
		if done < len(tasks) {
			call.Flush()
		}
		call.Progress("entries", done, len(tasks))
	}
}

// prepare reads an item as something to act on: with every value known.
func (p *Provider) prepare(item Resource) (*Declaration, *Failure) {
	d, failure := declare(item, p.DefaultFile)
	if failure != nil {
		return nil, failure
	}
	if item.Action == "refresh" {
		return nil, permanent("", "an entry of a hosts file has nothing to refresh")
	}
	if item.Action != "delete" {
		for _, field := range []string{"name", "file", "address", "aliases", "comment"} {
			if d.isUnknown[field] {
				return nil, permanent(pointer(field), "the value of %s is not known", field)
			}
		}
	} else if d.isUnknown["name"] || d.isUnknown["file"] {
		return nil, permanent("", "what tells entries apart is not known")
	}
	return d, nil
}

// neighbours are the first tasks, as many as concern the same file. One that failed before concerns none.
func neighbours(tasks []*task) []*task {
	file := ""
	for i, t := range tasks {
		if t.failure != nil {
			continue
		}
		if file != "" && t.declared.File != file {
			return tasks[:i]
		}
		file = t.declared.File
	}
	return tasks
}

func (p *Provider) applyRun(ctx context.Context, call *Call, run []*task) {
	var hosts *Hosts
	open := slices.DeleteFunc(slices.Clone(run), func(t *task) bool { return t.failure != nil })
	if len(open) > 0 {
		err := rewrite(ctx, open[0].declared.File, func(old []byte) []byte {
			hosts = ParseHosts(old)
			for _, t := range open {
				t.apply(ctx, hosts)
			}
			return hosts.Bytes()
		})
		if err != nil {
			for _, t := range open {
				if !t.isLooked || t.isChanged {
					t.failure = failureOf(err, t.declared.File)
				}
			}
		}
	}
	for _, t := range run {
		call.Answer(t.item.ID, t.answer(call, hosts))
	}
}

// apply does what is asked for to the file in memory. It may be called again, with a newer file.
func (t *task) apply(ctx context.Context, hosts *Hosts) {
	t.isLooked, t.isChanged = true, false
	if t.failure = stopped(ctx); t.failure != nil {
		return
	}
	d := t.declared
	var entry *Entry
	var err error
	if t.item.Action == "delete" {
		t.isChanged, err = hosts.Remove(d.Want)
	} else if entry, t.isChanged, err = hosts.Ensure(d.Want); err == nil && entry == nil {
		t.failure = permanent("/address", "%s is not in %s, and cannot be added without an address", d.Want.Name, d.File)
	}
	if err != nil {
		t.failure = failureOf(err, d.File)
	}
}

func (t *task) answer(call *Call, hosts *Hosts) Applied {
	answer := Applied{ID: t.item.ID, Error: t.failure}
	if t.failure != nil || t.item.Action == "delete" {
		return answer
	}
	d := t.declared
	entry, err := hosts.Find(d.Want.Name)
	if err != nil || entry == nil {
		answer.Error = permanent("", "a later item of the same request undid this one")
		return answer
	}
	answer.Outputs = d.outputs(entry.Line)
	if number := hosts.ShadowedBy(d.Want.Name); number > 0 && t.isChanged {
		call.Warn(t.item.ID, fmt.Sprintf("line %d of %s names %s, too, and comes first", number, d.File, d.Want.Name))
	}
	return answer
}

// List answers with every entry of the default file that can be told by its name.
func (p *Provider) List(ctx context.Context, call *Call, kind string) error {
	if kind != p.Kind {
		return fmt.Errorf("the kind %q is not served here", clip(kind))
	}
	content, err := readHosts(p.DefaultFile)
	if err != nil {
		return &Fault{Code: codeInternal, Message: failureOf(err, p.DefaultFile).Message}
	}
	entries, ambiguous := ParseHosts(content).Entries()
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	number := 0
	for _, entry := range entries {
		if ctx.Err() != nil {
			break
		}
		if !namePattern.MatchString(entry.Name) {
			call.Warn("", fmt.Sprintf("%s has a name that cannot be declared: %q", p.DefaultFile, entry.Name))
			continue
		}
		number++
		call.Answer("", p.listed(strconv.Itoa(number), entry))
	}
	for _, name := range ambiguous {
		call.Warn("", fmt.Sprintf("%s is left out: it stands first in several lines of %s", name, p.DefaultFile))
	}
	return nil
}

// listed is a declaration that plans to nothing: aliases that cannot be declared need not be, since they are owned.
func (p *Provider) listed(id string, entry Entry) Listed {
	attributes := Attributes{"name": entry.Name, "address": entry.Address.String()}
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
	return Listed{
		ID: id, Identity: Attributes{"name": entry.Name, "file": p.DefaultFile}, Attributes: attributes, Name: entry.Name,
	}
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
