package main

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A name has no upper case: its normal form is the one that resolvers compare.
var namePattern = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$`)

const (
	maxName    = 253
	maxComment = 1000 // characters
)

// Declaration is what a resource says, checked and in its normal form.
type Declaration struct {
	File       string
	Want       Wanted
	Normalised Attributes      // as it may be shown
	isHidden   map[string]bool // fields that are answered with a verdict
	isUnknown  map[string]bool // fields with a value that an apply will bring, or a secret without its text
	secrets    []string        // texts that no answer may hold
}

// declare reads a resource. What the manifest says of its fields is checked once more: JSON Schema knows no addresses.
func declare(r Resource, defaultFile string) (*Declaration, *Failure) {
	d := &Declaration{
		File: defaultFile, Normalised: Attributes{},
		isHidden: make(map[string]bool), isUnknown: make(map[string]bool),
	}
	for _, field := range r.Tainted {
		d.isHidden[field] = true
	}
	for _, fields := range []Attributes{r.Identity, r.Config} {
		for _, field := range sortedKeys(fields) {
			if fields[field] == nil { // not managed
				continue
			}
			if failure := d.take(field, fields[field]); failure != nil {
				return nil, failure
			}
			if _, isDeclared := r.Config[field]; !isDeclared {
				delete(d.Normalised, field)
			}
		}
	}
	if d.Want.Name == "" && !d.isUnknown["name"] {
		return nil, permanent("/name", "the name is missing")
	}
	if slices.Contains(d.Want.Add, d.Want.Name) {
		return nil, permanent("/aliases", "the name is among its own aliases")
	}
	if d.isDeclared("aliases") || r.Action == "delete" {
		prior, _ := r.Prior["aliases"].([]any)
		d.Want.Drop = without(plainNames(prior), d.Want.Add)
	}
	if r.Action == "delete" {
		// What is known of the thing is ours, and goes with it.
		d.Want.Drop = append(d.Want.Drop, d.Want.Add...)
		if prior, ok := r.Prior["comment"].(string); ok && d.Want.Comment == nil {
			d.Want.Comment = &prior
		}
	}
	return d, nil
}

func (d *Declaration) isDeclared(field string) bool {
	_, ok := d.Normalised[field]
	return ok
}

// take reads one field.
func (d *Declaration) take(field string, value any) *Failure {
	isIdentity := field == "name" || field == "file"
	switch tagOf(value) {
	case "unknown":
		d.isUnknown[field] = true
		d.Normalised[field] = value
		return nil
	case "secret":
		if isIdentity {
			return permanent(pointer(field), "what tells entries apart cannot be a secret")
		}
		secret := value.(map[string]any)
		d.hide(field, secret)
		if _, isKnown := secret["value"]; !isKnown { // of a thing that is no longer declared
			d.isUnknown[field] = true
			d.Normalised[field] = withoutSecret(secret)
			return nil
		}
	case "blob", "verdict":
		return permanent(pointer(field), "%s takes text", field)
	}
	if field == "aliases" {
		return d.takeAliases(value)
	}
	text, ok := textOf(value)
	if !ok {
		return permanent(pointer(field), "%s takes text", field)
	}
	text, reason := normalise(field, text)
	if reason != "" {
		if d.isHidden[field] {
			return permanent(pointer(field), "the secret in %s %s", field, reason)
		}
		return permanent(pointer(field), "%q %s", text, reason)
	}
	switch field {
	case "name":
		d.Want.Name = text
	case "file":
		d.File = text
	case "address":
		address, _ := netip.ParseAddr(text)
		d.Want.Address = &address
	case "comment":
		d.Want.Comment = &text
	}
	d.show(field, value, textValue(text))
	return nil
}

func (d *Declaration) takeAliases(value any) *Failure {
	list, ok := value.([]any)
	if !ok {
		return permanent("/aliases", "aliases are a list of names")
	}
	var names []string
	var tagged []any
	for _, element := range list {
		tag := tagOf(element)
		switch tag {
		case "unknown":
			d.isUnknown["aliases"] = true
			tagged = append(tagged, element)
			continue
		case "secret":
			secret := element.(map[string]any)
			d.hide("aliases", secret)
			tagged = append(tagged, withoutSecret(secret))
			if _, isKnown := secret["value"]; !isKnown {
				d.isUnknown["aliases"] = true
				continue
			}
		}
		name, ok := textOf(element)
		_, reason := normalise("name", name)
		switch {
		case tag == "secret" && (!ok || reason != ""):
			return permanent("/aliases", "a secret among the aliases is no host name in lower case")
		case !ok:
			return permanent("/aliases", "aliases are a list of names")
		case reason != "" && len(name) > maxName:
			return permanent("/aliases", "%q %s", name, reason)
		case reason != "":
			return permanent(pointer("aliases", name), "%q %s", name, reason)
		case tag == "":
			names = append(names, name)
		}
		d.Want.Add = append(d.Want.Add, name)
	}
	slices.Sort(d.Want.Add)
	d.Want.Add = slices.Compact(d.Want.Add)
	slices.Sort(names)
	d.Normalised["aliases"] = append(textValues(slices.Compact(names)), tagged...)
	return nil
}

func (d *Declaration) hide(field string, secret map[string]any) {
	d.isHidden[field] = true
	d.secrets = append(d.secrets, secretTexts(secret)...)
}

func (d *Declaration) show(field string, sent, normal any) {
	if tagOf(sent) == "secret" {
		normal = withoutSecret(sent.(map[string]any))
	}
	d.Normalised[field] = normal
}

// normalise gives the normal form of a text field, or the reason why it has none.
func normalise(field, text string) (normal, reason string) {
	switch field {
	case "name":
		if len(text) > maxName || !namePattern.MatchString(text) {
			return text, "is no host name in lower case"
		}
	case "file":
		if !filepath.IsAbs(text) || strings.ContainsRune(text, 0) {
			return text, "is no absolute path"
		}
		return filepath.Clean(text), ""
	case "address":
		address, err := netip.ParseAddr(text)
		if err != nil || strings.ContainsAny(text, blank+"\n#\x00") {
			return text, "is neither an IPv4 nor an IPv6 address"
		}
		return address.String(), ""
	case "comment":
		if strings.ContainsAny(text, "\r\n\x00") || len([]rune(text)) > maxComment {
			return text, fmt.Sprintf("is not one line of at most %d characters", maxComment)
		}
		return strings.Trim(text, blank), ""
	default:
		return field, "is no field that is declared"
	}
	return text, ""
}

// plainNames are the names of a prior list. A secret among them came without its value, and cannot be told.
func plainNames(list []any) []string {
	var names []string
	for _, element := range list {
		if name, ok := element.(string); ok {
			names = append(names, name)
		}
	}
	return names
}

func sortedKeys(fields Attributes) []string {
	keys := make([]string, 0, len(fields))
	for key := range fields {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
