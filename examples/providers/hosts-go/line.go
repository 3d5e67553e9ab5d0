package main

import (
	"net/netip"
	"slices"
	"strings"
)

const blank = " \t\v\f\r"

// span is where a word stands in a line.
type span struct{ from, to int }

// split gives the words of a line, and where its comment begins (the length of the line if there is none).
func split(body string) (words []span, comment int) {
	comment = len(body)
	if hash := strings.IndexByte(body, '#'); hash >= 0 {
		comment = hash
	}
	for at := 0; at < comment; {
		if strings.IndexByte(blank, body[at]) >= 0 {
			at++
			continue
		}
		to := at
		for to < comment && strings.IndexByte(blank, body[to]) < 0 {
			to++
		}
		words = append(words, span{at, to})
		at = to
	}
	return words, comment
}

// parseEntry reads a line, or gives nil for one that is no entry.
func parseEntry(body string) *Entry {
	words, comment := split(body)
	if len(words) < 2 {
		return nil
	}
	address, err := netip.ParseAddr(body[words[0].from:words[0].to])
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(words)-1)
	for _, word := range words[1:] {
		names = append(names, strings.ToLower(body[word.from:word.to]))
	}
	entry := &Entry{Address: address, Name: names[0], Aliases: names[1:], Line: body}
	if comment < len(body) {
		entry.Comment = strings.Trim(body[comment+1:], blank)
	}
	return entry
}

func newBody(want Wanted) string {
	body := want.Address.String() + "\t" + strings.Join(append([]string{want.Name}, want.Add...), " ")
	if want.Comment != nil && *want.Comment != "" {
		body += " # " + *want.Comment
	}
	return body
}

// editBody changes what differs from what is wanted, and nothing else: not the white space, the spelling of an
// address, the order of the aliases. The name of the line is kept unless it is among those to drop.
func editBody(body string, want Wanted) string {
	words, comment := split(body)
	var edited strings.Builder
	kept := 0 // of body, up to where it is copied
	if want.Address != nil {
		word := words[0]
		if address, err := netip.ParseAddr(body[word.from:word.to]); err != nil || address != *want.Address {
			edited.WriteString(body[:word.from] + want.Address.String())
			kept = word.to
		}
	}
	var names []string
	for i, word := range words[1:] {
		name := strings.ToLower(body[word.from:word.to])
		if slices.Contains(want.Drop, name) {
			edited.WriteString(body[kept:words[i].to]) // with the white space before it, which is after words[i]
			kept = word.to
			continue
		}
		names = append(names, name)
	}
	last := words[len(words)-1].to
	edited.WriteString(body[min(kept, last):last])
	for _, alias := range without(want.Add, names) {
		edited.WriteString(" " + alias)
	}
	edited.WriteString(editComment(body[last:comment], body[comment:], want.Comment))
	return edited.String()
}

// editComment gives the end of a line: the white space before the comment, and the comment with its #.
func editComment(space, comment string, want *string) string {
	text := strings.Trim(strings.TrimPrefix(comment, "#"), blank)
	switch {
	case want == nil || *want == text:
		return space + comment
	case *want == "":
		return ""
	case space == "":
		return " # " + *want
	default:
		return space + "# " + *want
	}
}

// without gives those of names that are not among others.
func without(names, others []string) []string {
	var rest []string
	for _, name := range names {
		if !slices.Contains(others, name) {
			rest = append(rest, name)
		}
	}
	return rest
}
