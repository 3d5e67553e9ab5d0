package main

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// tagOf gives the tag of a tagged value, and "" for every other.
func tagOf(value any) string {
	object, _ := value.(map[string]any)
	tag, _ := object["$aivp"].(string)
	return tag
}

func unknown() map[string]any { return map[string]any{"$aivp": "unknown"} }

// verdict says whether a hidden value is as desired; nil: nobody can say.
func verdict(matches any) map[string]any {
	return map[string]any{"$aivp": "verdict", "matches": matches}
}

// withoutSecret is a tagged secret as it may be sent back: without its value and the parts of it.
func withoutSecret(secret map[string]any) map[string]any {
	shown := make(map[string]any, len(secret))
	for member, value := range secret {
		if member != "value" && member != "parts" {
			shown[member] = value
		}
	}
	return shown
}

// secretTexts are the texts of a tagged secret that no answer may hold.
func secretTexts(secret map[string]any) []string {
	var texts []string
	add := func(value any) {
		if text, ok := value.(string); ok && text != "" {
			texts = append(texts, text)
		}
	}
	add(secret["value"])
	parts, _ := secret["parts"].([]any)
	for _, part := range parts {
		add(part)
	}
	return texts
}

// textValue is how text of a file goes over the wire. A hosts file may hold bytes that are not UTF-8.
func textValue(text string) any {
	if utf8.ValidString(text) {
		return text
	}
	return map[string]any{"$aivp": "bytes", "base64": base64.StdEncoding.EncodeToString([]byte(text))}
}

func textValues(texts []string) []any {
	values := make([]any, len(texts))
	for i, text := range texts {
		values[i] = textValue(text)
	}
	return values
}

// textOf reads a text, be it plain, bytes or a secret.
func textOf(value any) (string, bool) {
	if text, ok := value.(string); ok {
		return text, true
	}
	object, _ := value.(map[string]any)
	switch tagOf(value) {
	case "secret":
		text, ok := object["value"].(string)
		return text, ok
	case "bytes":
		encoded, _ := object["base64"].(string)
		decoded, err := base64.StdEncoding.DecodeString(encoded)
		return string(decoded), err == nil
	default:
		return "", false
	}
}

// mentions tells whether a value to be sent holds one of the texts.
func mentions(value any, texts []string) bool {
	switch value := value.(type) {
	case string:
		for _, text := range texts {
			if strings.Contains(value, text) {
				return true
			}
		}
	case []any:
		for _, element := range value {
			if mentions(element, texts) {
				return true
			}
		}
	case map[string]any: // bytes
		text, ok := textOf(value)
		return ok && mentions(text, texts)
	}
	return false
}

// pointer is a JSON pointer, RFC 6901.
func pointer(names ...string) string {
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	var path strings.Builder
	for _, name := range names {
		path.WriteString("/" + escape.Replace(name))
	}
	return path.String()
}
