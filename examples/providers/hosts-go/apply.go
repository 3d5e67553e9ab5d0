package main

import (
	"context"
	"fmt"
	"slices"
)

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
