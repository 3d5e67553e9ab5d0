package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"
)

// conversation is a session with a provider in this process.
type conversation struct {
	t     *testing.T
	in    *io.PipeWriter
	lines *bufio.Reader
	ended chan error
	id    int
}

const greeting = `{"protocol": {"major": 1, "minor": 0}, "caller": {"name": "test", "version": "1"},
	"capabilities": {"progress": true, "log": true}, "configuration": {}, "directory": "/tmp"}`

func converse(t *testing.T, file string) *conversation {
	t.Helper()
	manifest, err := parseManifest(manifestJSON)
	if err != nil {
		t.Fatal(err)
	}
	in, toProvider := io.Pipe()
	fromProvider, out := io.Pipe()
	c := &conversation{t: t, in: toProvider, lines: bufio.NewReader(fromProvider), ended: make(chan error, 1)}
	session := NewSession(out, manifest, &Provider{Kind: "hosts/entry", DefaultFile: file, Files: []string{file}})
	go func() {
		c.ended <- session.Serve(in)
		out.Close()
	}()
	t.Cleanup(func() { toProvider.Close() })
	return c
}

func begin(t *testing.T, file string) *conversation {
	t.Helper()
	c := converse(t, file)
	if answer := c.ask("initialize", greeting); answer["error"] != nil {
		t.Fatal(answer)
	}
	return c
}

func (c *conversation) send(line string) {
	c.t.Helper()
	if _, err := io.WriteString(c.in, strings.NewReplacer("\n", "", "\t", "").Replace(line)+"\n"); err != nil {
		c.t.Fatal(err)
	}
}

func (c *conversation) request(method, params string) {
	c.t.Helper()
	c.id++
	c.send(fmt.Sprintf(`{"jsonrpc": "2.0", "id": %d, "method": %q, "params": %s}`, c.id, method, params))
}

func (c *conversation) receive() map[string]any {
	c.t.Helper()
	line, err := c.lines.ReadBytes('\n')
	if err != nil {
		c.t.Fatal(err)
	}
	var message map[string]any
	if err := json.Unmarshal(line, &message); err != nil {
		c.t.Fatalf("%v: %s", err, line)
	}
	return message
}

// answer gathers an answer with its parts; log and progress are left out.
func (c *conversation) answer() map[string]any {
	c.t.Helper()
	var items []any
	for {
		message := c.receive()
		if params, _ := message["params"].(map[string]any); message["method"] == "items" {
			items = append(items, params["items"].([]any)...)
		} else if message["method"] == nil {
			if result, _ := message["result"].(map[string]any); result["items"] != nil {
				result["items"] = append(items, result["items"].([]any)...)
			}
			return message
		}
	}
}

func (c *conversation) ask(method, params string) map[string]any {
	c.t.Helper()
	c.request(method, params)
	return c.answer()
}

func (c *conversation) items(method, params string) []any {
	c.t.Helper()
	answer := c.ask(method, params)
	result, ok := answer["result"].(map[string]any)
	if !ok {
		c.t.Fatal(answer)
	}
	return result["items"].([]any)
}

// one asks for one item of the default file.
func (c *conversation) one(method, members string) map[string]any {
	c.t.Helper()
	item := `{"id": "e", "kind": "hosts/entry", "seen": {"observed": null}, ` + members + `}`
	return c.items(method, `{"key": "k", "items": [`+item+`]}`)[0].(map[string]any)
}

func same(t *testing.T, got any, want string) {
	t.Helper()
	var wanted any
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, wanted) {
		shown, _ := encode(got)
		t.Errorf("got  %s\nwant %s", shown, want)
	}
}

func TestALife(t *testing.T) {
	path := hostsFile(t, "127.0.0.1 localhost\n")
	c := begin(t, path)
	declared := `"config": {"name": "db", "address": "2001:DB8:0::7", "aliases": ["sql", "main"], "comment": " primary "}`
	normalised := `{"name": "db", "address": "2001:db8::7", "aliases": ["main", "sql"], "comment": "primary"}`
	line := `"2001:db8::7\tdb main sql # primary"`
	same(t, c.one("observe", declared), `{"id": "e", "observation": {"observed": null, "normalised": `+normalised+`, "computed": {"line": `+line+`}}}`)
	for i := 0; i < 2; i++ {
		same(t, c.one("apply", `"action": "create", `+declared), `{"id": "e", "outputs": {"line": `+line+`}}`)
	}
	if got := content(t, path); got != "127.0.0.1 localhost\n2001:db8::7\tdb main sql # primary\n" {
		t.Errorf("got %q", got)
	}
	same(t, c.one("observe", declared), `{"id": "e", "observation": {"observed": {"name": "db", "file": "`+path+`", "address": "2001:db8::7",
		"aliases": ["main", "sql"], "comment": "primary", "line": `+line+`}, "normalised": `+normalised+`, "computed": {"line": `+line+`}}}`)
	changed := `"config": {"name": "db", "address": "192.0.2.7", "aliases": ["main"]}, "prior": {"aliases": ["main", "sql"]}`
	same(t, c.one("apply", `"action": "update", `+changed), `{"id": "e", "outputs": {"line": "192.0.2.7\tdb main # primary"}}`)
	same(t, c.items("list", `{"kind": "hosts/entry"}`), `[
		{"id": "1", "identity": {"name": "db", "file": "`+path+`"}, "name": "db",
		 "attributes": {"name": "db", "address": "192.0.2.7", "aliases": ["main"], "comment": "primary"}},
		{"id": "2", "identity": {"name": "localhost", "file": "`+path+`"}, "name": "localhost",
		 "attributes": {"name": "localhost", "address": "127.0.0.1"}}]`)
	gone := `"action": "delete", "config": {"name": "db"}, "prior": {"aliases": ["main"]}`
	for i := 0; i < 2; i++ {
		same(t, c.one("apply", gone), `{"id": "e", "outputs": {}}`)
	}
	if got := content(t, path); got != "127.0.0.1 localhost\n" {
		t.Errorf("got %q", got)
	}
	if answer := c.ask("shutdown", `{}`); answer["error"] != nil {
		t.Error(answer)
	}
	c.in.Close()
	if err := <-c.ended; err != nil {
		t.Error(err)
	}
}

func TestListsTheFilesConfigured(t *testing.T) {
	file, other := hostsFile(t, "::1 b # x\n::2 b\n::3 A a c\n::4 %\n"), hostsFile(t, "::5 a\n")
	c := converse(t, "/etc/hosts")
	configuration := `"configuration": {"files": ["` + file + `", "` + other + `"]}`
	c.ask("initialize", strings.NewReplacer(`"configuration": {}`, configuration, `"log": true`, `"log": null`).Replace(greeting))
	first := Attributes{"name": "a", "file": file, "address": "::3", "aliases": []string{"c"}}
	second := Attributes{"name": "a", "file": other, "address": "::5"}
	if other < file {
		first, second = second, first
	}
	want := []any{}
	for i, attributes := range []Attributes{first, second} {
		identity := Attributes{"name": "a", "file": attributes["file"]}
		want = append(want, Listed{ID: fmt.Sprint(i + 1), Identity: identity, Attributes: attributes, Name: "a"})
	}
	raw, _ := encode(want)
	same(t, c.items("list", `{"kind": "hosts/entry"}`), string(raw))
}

func TestUnknownValues(t *testing.T) {
	c := begin(t, hostsFile(t, ""))
	open := `{"$aivp": "unknown"}`
	config := `"config": {"name": "db", "address": ` + open + `, "aliases": ["b", ` + open + `, "a"]}`
	same(t, c.one("observe", config), `{"id": "e", "observation": {"observed": null, "computed": {"line": `+open+`},
		"normalised": {"name": "db", "address": `+open+`, "aliases": ["a", "b", `+open+`]}}}`)
	same(t, c.one("apply", `"action": "create", `+config),
		`{"id": "e", "error": {"class": "permanent", "path": "/address", "message": "the value of address is not known"}}`)
}

func TestBadDeclarations(t *testing.T) {
	c := begin(t, hostsFile(t, "::1 twice\n127.0.0.1 twice\n"))
	for config, want := range map[string]string{
		`"name": "db", "address": "1.2.3"`:                      `{"path": "/address", "message": "\"1.2.3\" is neither an IPv4 nor an IPv6 address"}`,
		`"name": "Db", "address": "::1"`:                        `{"path": "/name", "message": "\"Db\" is no host name in lower case"}`,
		`"name": "db", "address": "::1", "aliases": ["a/b"]`:    `{"path": "/aliases/a~1b", "message": "\"a/b\" is no host name in lower case"}`,
		`"name": "db", "address": "::1", "aliases": ["db"]`:     `{"path": "/aliases", "message": "the name is among its own aliases"}`,
		`"name": "db", "address": "::1", "comment": "a\nb"`:     `{"path": "/comment", "message": "\"a\\nb\" is not one line of at most 1000 characters"}`,
		`"name": "db", "address": "::1", "file": "hosts"`:       `{"path": "/file", "message": "\"hosts\" is no absolute path"}`,
		`"address": "::1"`:                                      `{"path": "/name", "message": "the name is missing"}`,
		`"name": "db", "address": "::1", "file": "/dev/null"`:   `{"path": "/file", "message": "/dev/null is no regular file"}`,
		`"name": "db", "address": "::1", "file": "/dev/null/a"`: `{"path": "/file", "message": "cannot open /dev/null/a: not a directory"}`,
		`"name": "db", "address": {"$aivp": "secret", "origin": {}, "value": "hunter2"}`: `{"path": "/address",
			"message": "the secret in address is neither an IPv4 nor an IPv6 address"}`,
		`"name": {"$aivp": "secret", "origin": {}, "value": "hunter2"}`: `{"path": "/name", "message": "what tells entries apart cannot be a secret"}`,
	} {
		want = `{"id": "e", "error": {"class": "permanent", ` + want[1:] + `}`
		same(t, c.one("observe", `"config": {`+config+`}`), want)
		same(t, c.one("apply", `"action": "create", "config": {`+config+`}`), want)
	}
	ambiguous := c.one("observe", `"config": {"name": "twice"}`)["error"].(map[string]any)
	if ambiguous["path"] != "/name" || !strings.Contains(ambiguous["message"].(string), "the lines 1 2") {
		t.Error(ambiguous)
	}
}

func TestNoByteOfASecretLeaves(t *testing.T) {
	path := hostsFile(t, "")
	c := begin(t, path)
	shown := `{"$aivp": "secret", "origin": {"secret": "address", "version": 1}}`
	secret := strings.TrimSuffix(shown, "}") + `, "value": "192.0.2.7", "parts": ["0.2.7"]}`
	config := `"config": {"name": "db", "address": ` + secret + `, "comment": "mine"}`
	normalised := `"normalised": {"name": "db", "address": ` + shown + `, "comment": "mine"}`
	same(t, c.one("observe", config), `{"id": "e", "observation": {"observed": null, "computed": {}, `+normalised+`}}`)
	same(t, c.one("apply", `"action": "create", `+config), `{"id": "e", "outputs": {}}`)
	if got := content(t, path); got != "192.0.2.7\tdb # mine\n" {
		t.Errorf("got %q", got)
	}
	for line, observed := range map[string]string{
		"192.0.2.7 db # mine": `"address": {"$aivp": "verdict", "matches": true}, "aliases": [], "comment": "mine"`,
		"192.0.2.8 db # mine": `"address": {"$aivp": "verdict", "matches": false}, "aliases": [], "comment": "mine", "line": null`,
		"192.0.2.7 db # once 192.0.2.7": `"address": {"$aivp": "verdict", "matches": true}, "aliases": [],
			"comment": {"$aivp": "verdict", "matches": false}`,
	} {
		if err := os.WriteFile(path, []byte(line+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		got := c.one("observe", config)
		observed = strings.Replace(observed, `, "line": null`, "", 1)
		same(t, got, `{"id": "e", "observation": {"observed": {"name": "db", "file": "`+path+`", `+observed+`}, "computed": {}, `+normalised+`}}`)
	}
	if err := os.WriteFile(path, []byte("192.0.2.7 db # once 192.0.2.7\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	same(t, c.one("observe", `"tainted": ["address"], "config": {"name": "db"}`), `{"id": "e", "observation": {"computed": {},
		"normalised": {"name": "db"}, "observed": {"name": "db", "file": "`+path+`", "aliases": [],
		"address": {"$aivp": "verdict", "matches": null}, "comment": "once 192.0.2.7"}}}`)
	same(t, c.one("apply", `"action": "delete", "config": {"name": "db", "address": `+shown+`}`), `{"id": "e", "outputs": {}}`)
}

func TestBatchIsOneRewrite(t *testing.T) {
	path := hostsFile(t, "127.0.0.1 localhost\n")
	c := begin(t, path)
	watched, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer watched.Close()
	item := func(id, members string) string {
		return `{"id": "` + id + `", "kind": "hosts/entry", "seen": {"observed": null}, ` + members + `}`
	}
	got := c.items("apply", `{"key": "k", "items": [`+strings.Join([]string{
		item("a", `"action": "create", "config": {"name": "a", "address": "192.0.2.1"}`),
		item("b", `"action": "create", "config": {"name": "b", "address": "nonsense"}`),
		item("c", `"action": "create", "config": {"name": "c", "address": "192.0.2.3"}`),
		item("d", `"action": "delete", "config": {"name": "localhost"}`),
	}, ",")+`]}`)
	same(t, got, `[{"id": "a", "outputs": {"line": "192.0.2.1\ta"}},
		{"id": "b", "error": {"class": "permanent", "path": "/address", "message": "\"nonsense\" is neither an IPv4 nor an IPv6 address"}},
		{"id": "c", "outputs": {"line": "192.0.2.3\tc"}}, {"id": "d", "outputs": {}}]`)
	if got := content(t, path); got != "192.0.2.1\ta\n192.0.2.3\tc\n" {
		t.Errorf("got %q", got)
	}
}

func TestALongAnswerComesInParts(t *testing.T) {
	c := begin(t, hostsFile(t, "192.0.2.1 db # "+strings.Repeat("x", 900)+"\n"))
	items := make([]string, 5000)
	for i := range items {
		items[i] = fmt.Sprintf(`{"id": "%d", "kind": "hosts/entry", "config": {"name": "db"}}`, i)
	}
	got := c.items("observe", `{"items": [`+strings.Join(items, ",")+`]}`)
	for i, item := range got {
		if item.(map[string]any)["id"] != fmt.Sprint(i) {
			t.Fatalf("item %d is %v", i, item)
		}
	}
	if len(got) != len(items) {
		t.Errorf("got %d items", len(got))
	}
}

func TestCancelDeadlineAndTheEnd(t *testing.T) {
	for name, test := range map[string]struct {
		deadline string
		stop     func(*conversation)
		want     string
	}{
		"cancel":   {"60000", func(c *conversation) { c.send(`{"jsonrpc": "2.0", "method": "cancel", "params": {"request": 2}}`) }, "canceled before it was begun"},
		"deadline": {"50", func(*conversation) {}, "the deadline passed before it was begun"},
		"the end":  {"60000", func(c *conversation) { c.in.Close() }, "the session ended before it was begun"},
	} {
		t.Run(name, func(t *testing.T) {
			path := hostsFile(t, "old\n")
			holder, err := os.Open(path) // so that the provider has to wait
			if err != nil {
				t.Fatal(err)
			}
			defer holder.Close()
			if err := syscall.Flock(int(holder.Fd()), syscall.LOCK_EX); err != nil {
				t.Fatal(err)
			}
			c := begin(t, path)
			item := `{"id": "e", "kind": "hosts/entry", "action": "create", "seen": {"observed": null}, "config": {"name": "db", "address": "::1"}}`
			began := time.Now()
			c.request("apply", `{"key": "k", "deadline_ms": `+test.deadline+`, "items": [`+item+`]}`)
			test.stop(c)
			same(t, c.answer()["result"], `{"items": [{"id": "e", "error": {"class": "canceled", "message": "`+test.want+`"}}]}`)
			if time.Since(began) > lockPatience/2 || content(t, path) != "old\n" {
				t.Errorf("after %v the file holds %q", time.Since(began), content(t, path))
			}
		})
	}
}

func TestWarnsOfAShadow(t *testing.T) {
	path := hostsFile(t, "127.0.1.1 box db\n")
	c := begin(t, path)
	c.request("apply", `{"key": "k", "items": [{"id": "e", "kind": "hosts/entry", "action": "create", "seen": {"observed": null},
		"config": {"name": "db", "address": "192.0.2.7"}}]}`)
	same(t, c.receive(), `{"jsonrpc": "2.0", "method": "log", "params": {"request": 2, "id": "e", "level": "warning",
		"message": "line 1 of `+path+` names db, too, and comes first"}}`)
	same(t, c.receive(), `{"jsonrpc": "2.0", "method": "progress", "params": {"request": 2, "message": "entries", "done": 1, "total": 1}}`)
}

func TestFaults(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none")
	c := converse(t, path)
	code := func(answer map[string]any) float64 {
		t.Helper()
		fault, ok := answer["error"].(map[string]any)
		if !ok {
			t.Fatal(answer)
		}
		return fault["code"].(float64)
	}
	item := `{"items": [{"id": "e", "kind": "hosts/entry", "config": {}}, `
	for _, test := range []struct {
		method, params string
		code           float64
	}{
		{"observe", `{"items": []}`, codeNotRequest},
		{"initialize", `{"capabilities": {}}`, codeParameters},
		{"initialize", strings.Replace(greeting, `"major": 1`, `"major": 2`, 1), codeWrongProtocol},
		{"initialize", strings.Replace(greeting, `"configuration": {}`, `"configuration": {"files": ["here"]}`, 1), codeFailed},
		{"initialize", greeting, 0},
		{"initialize", greeting, codeNotRequest},
		{"frobnicate", `{}`, codeNoMethod},
		{"observe", `[]`, codeParameters},
		{"observe", `{"items": {}}`, codeParameters},
		{"observe", item + `{"id": "f", "kind": "hosts/entry"}]}`, codeParameters},
		{"observe", item + `{"id": 1, "kind": "hosts/entry", "config": {}}]}`, codeParameters},
		{"observe", item + `{"id": "f", "kind": "hosts/other", "config": {}}]}`, codeParameters},
		{"apply", item + `{"id": "f", "kind": "hosts/entry", "config": {}}]}`, codeParameters},
		{"list", `{"kind": "hosts/other"}`, codeParameters},
		{"list", `{"kind": "hosts/entry"}`, 0},
		{"shutdown", `{}`, 0},
		{"observe", `{"items": []}`, codeNotRequest},
	} {
		if answer := c.ask(test.method, test.params); test.code == 0 && answer["error"] != nil || test.code != 0 && code(answer) != test.code {
			t.Errorf("%s %s: got %v", test.method, test.params, answer)
		}
	}
	for _, line := range []string{`7`, `[]`, `{"jsonrpc": "1.0", "id": 1, "method": "list", "params": {}}`, `{"jsonrpc": "2.0", "id": "x", "method": "list", "params": {}}`} {
		c.send(line)
		if answer := c.receive(); code(answer) != codeNotRequest {
			t.Errorf("%s: got %v", line, answer)
		}
	}
	c.send(`{"jsonrpc": "2.0", "method": "gossip"}`) // nothing comes of it
	c.send(`{"jsonrpc": `)
	if answer := c.receive(); code(answer) != codeParse {
		t.Error(answer)
	}
	if err := <-c.ended; err == nil {
		t.Error("the session ended as if nothing had been")
	}
}

func TestALineThatNeverEnds(t *testing.T) {
	c := begin(t, hostsFile(t, ""))
	go func() {
		for chunk := strings.Repeat(" ", 1<<16); ; {
			if _, err := io.WriteString(c.in, chunk); err != nil {
				return
			}
		}
	}()
	if answer := c.receive(); answer["id"] != nil || answer["error"] == nil {
		t.Error(answer)
	}
	if err := <-c.ended; err == nil {
		t.Error("the session ended as if nothing had been")
	}
}
