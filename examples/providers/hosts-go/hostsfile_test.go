package main

import (
	"errors"
	"net/netip"
	"testing"
)

func address(t *testing.T, text string) *netip.Addr {
	t.Helper()
	parsed, err := netip.ParseAddr(text)
	if err != nil {
		t.Fatal(err)
	}
	return &parsed
}

func text(s string) *string { return &s }

func TestEnsureKeepsEveryOtherByte(t *testing.T) {
	for name, test := range map[string]struct {
		before string
		want   Wanted
		after  string
	}{
		"a new line at the end": {
			"# mine\n127.0.0.1 localhost\n",
			Wanted{Name: "db", Address: address(t, "192.0.2.7"), Add: []string{"sql"}, Comment: text("primary")},
			"# mine\n127.0.0.1 localhost\n192.0.2.7\tdb sql # primary\n",
		},
		"an empty file":           {"", Wanted{Name: "db", Address: address(t, "192.0.2.7")}, "192.0.2.7\tdb\n"},
		"a last line without end": {"::1 localhost", Wanted{Name: "db", Address: address(t, "192.0.2.7")}, "::1 localhost\n192.0.2.7\tdb\n"},
		"lines that end in CRLF":  {"::1 localhost\r\n", Wanted{Name: "db", Address: address(t, "192.0.2.7")}, "::1 localhost\r\n192.0.2.7\tdb\r\n"},
		"an address, and nothing around it": {
			"  192.0.2.6   db\tsql  #old\r\nrest",
			Wanted{Name: "db", Address: address(t, "192.0.2.7")},
			"  192.0.2.7   db\tsql  #old\r\nrest",
		},
		"another spelling of the address": {
			"2001:DB8:0::7 db\n", Wanted{Name: "db", Address: address(t, "2001:db8::7")}, "2001:DB8:0::7 db\n",
		},
		"another case of the names": {"192.0.2.7 DB Sql\n", Wanted{Name: "db", Add: []string{"sql"}}, "192.0.2.7 DB Sql\n"},
		"aliases in and out": {
			"192.0.2.7 db  old\tother  # x\n",
			Wanted{Name: "db", Add: []string{"new", "other"}, Drop: []string{"old"}},
			"192.0.2.7 db\tother new  # x\n",
		},
		"two aliases out, in a row": {
			"192.0.2.7 db a b c\n", Wanted{Name: "db", Drop: []string{"a", "b"}}, "192.0.2.7 db c\n",
		},
		"the last aliases out": {
			"192.0.2.7 db a b\n", Wanted{Name: "db", Address: address(t, "192.0.2.8"), Drop: []string{"a", "b"}}, "192.0.2.8 db\n",
		},
		"a comment for another one": {"192.0.2.7 db#old\n", Wanted{Name: "db", Comment: text("new")}, "192.0.2.7 db # new\n"},
		"a comment away":            {"192.0.2.7 db  # old\n", Wanted{Name: "db", Comment: text("")}, "192.0.2.7 db\n"},
		"the same comment":          {"192.0.2.7 db  #old \n", Wanted{Name: "db", Comment: text("old")}, "192.0.2.7 db  #old \n"},
		"bytes that are no UTF-8": {
			"# caf\xe9\n192.0.2.6 db # \xff\n", Wanted{Name: "db", Address: address(t, "192.0.2.7")}, "# caf\xe9\n192.0.2.7 db # \xff\n",
		},
		"what is no entry": {
			"nonsense db\n192.0.2.7\n\n", Wanted{Name: "db", Address: address(t, "192.0.2.7")},
			"nonsense db\n192.0.2.7\n\n192.0.2.7\tdb\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			hosts := ParseHosts([]byte(test.before))
			promised, isThere, err := hosts.Preview(test.want)
			if err != nil || !isThere {
				t.Fatal(isThere, err)
			}
			entry, isChanged, err := hosts.Ensure(test.want)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(hosts.Bytes()); got != test.after {
				t.Errorf("got %q, want %q", got, test.after)
			}
			if isChanged != (test.before != test.after) {
				t.Errorf("isChanged is %v", isChanged)
			}
			if entry.Line != promised {
				t.Errorf("promised %q, and wrote %q", promised, entry.Line)
			}
			if _, isChanged, _ = hosts.Ensure(test.want); isChanged {
				t.Error("acting again changes something")
			}
		})
	}
}

func TestRemove(t *testing.T) {
	for name, test := range map[string]struct {
		before string
		want   Wanted
		after  string
	}{
		"a line":                     {"# a\n192.0.2.7 db # mine\n# b\n", Wanted{Name: "db"}, "# a\n# b\n"},
		"a line with its aliases":    {"192.0.2.7 db sql\n", Wanted{Name: "db", Drop: []string{"sql"}}, ""},
		"not the aliases of others":  {"192.0.2.7 db sql x # c\n", Wanted{Name: "db", Drop: []string{"sql"}}, "192.0.2.7 x # c\n"},
		"our comment":                {"192.0.2.7 db x # c\n", Wanted{Name: "db", Comment: text("c")}, "192.0.2.7 x\n"},
		"what is gone already":       {"192.0.2.7 x db\n", Wanted{Name: "db"}, "192.0.2.7 x db\n"},
		"the last line, without end": {"::1 a\n192.0.2.7 db", Wanted{Name: "db"}, "::1 a\n"},
	} {
		t.Run(name, func(t *testing.T) {
			hosts := ParseHosts([]byte(test.before))
			isChanged, err := hosts.Remove(test.want)
			if got := string(hosts.Bytes()); err != nil || got != test.after || isChanged != (got != test.before) {
				t.Errorf("got %q, %v, %v; want %q", got, isChanged, err, test.after)
			}
			if entry, err := hosts.Find(test.want.Name); entry != nil || err != nil {
				t.Errorf("still there: %v, %v", entry, err)
			}
		})
	}
}

func TestAmbiguousName(t *testing.T) {
	hosts := ParseHosts([]byte("127.0.0.1 localhost\n\n::1 localhost\n::2 one\n"))
	var ambiguous *AmbiguousError
	if _, _, err := hosts.Ensure(Wanted{Name: "localhost"}); !errors.As(err, &ambiguous) {
		t.Fatalf("got %v", err)
	}
	if want := "localhost stands first in the lines 1 3"; ambiguous.Error() != want {
		t.Errorf("got %q", ambiguous)
	}
	entries, names := hosts.Entries()
	if len(entries) != 1 || entries[0].Name != "one" || len(names) != 1 {
		t.Errorf("got %v and %v", entries, names)
	}
}

func TestShadowedBy(t *testing.T) {
	hosts := ParseHosts([]byte("::9 x db\n192.0.2.1 y db\n192.0.2.7 db\n"))
	if got := hosts.ShadowedBy("db"); got != 2 {
		t.Errorf("got line %d", got)
	}
}

func FuzzEnsureKeepsOtherLines(f *testing.F) {
	f.Add("127.0.0.1 localhost\r\n192.0.2.1 a db # x\n", "new")
	f.Add("192.0.2.1 db#", "")
	f.Fuzz(func(t *testing.T, content, comment string) {
		if string(ParseHosts([]byte(content)).Bytes()) != content {
			t.Fatal("a file that nobody edits changes")
		}
		if _, reason := normalise("comment", comment); reason != "" {
			t.Skip()
		}
		comment, _ = normalise("comment", comment)
		want := Wanted{Name: "db", Address: address(t, "192.0.2.7"), Add: []string{"sql"}, Comment: &comment}
		hosts := ParseHosts([]byte(content))
		if _, _, err := hosts.Ensure(want); err != nil {
			t.Skip()
		}
		again := ParseHosts(hosts.Bytes())
		entry, err := again.Find("db")
		if err != nil || entry == nil || entry.Comment != comment || entry.Address != *want.Address {
			t.Fatalf("got %+v, %v", entry, err)
		}
		if len(without(want.Add, entry.Aliases)) > 0 {
			t.Fatalf("got aliases %q", entry.Aliases)
		}
	})
}
