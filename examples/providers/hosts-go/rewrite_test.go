package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func hostsFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(path, []byte(content), 0o640); err != nil {
		t.Fatal(err)
	}
	return path
}

func content(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// alone checks that nothing but the file is left in its folder.
func alone(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name() != filepath.Base(path) {
		t.Errorf("left in the folder: %v", entries)
	}
}

func to(text string) func([]byte) []byte {
	return func([]byte) []byte { return []byte(text) }
}

func TestRewriteKeepsOwnerModeAndAttributes(t *testing.T) {
	path := hostsFile(t, "old")
	if os.Getuid() == 0 {
		if err := os.Chown(path, 12, 34); err != nil {
			t.Fatal(err)
		}
	}
	hasAttribute := syscall.Setxattr(path, "user.note", []byte("kept"), 0) == nil
	before, _ := os.Stat(path)
	if err := rewrite(context.Background(), path, to("new")); err != nil {
		t.Fatal(err)
	}
	after, _ := os.Stat(path)
	was, is := before.Sys().(*syscall.Stat_t), after.Sys().(*syscall.Stat_t)
	if is.Uid != was.Uid || is.Gid != was.Gid || is.Mode != was.Mode {
		t.Errorf("was %v, is %v", was, is)
	}
	if os.SameFile(before, after) {
		t.Error("the file was written in place")
	}
	value := make([]byte, 10)
	if n, err := syscall.Getxattr(path, "user.note", value); hasAttribute && (err != nil || string(value[:n]) != "kept") {
		t.Errorf("the attribute is %q, %v", value, err)
	}
	if content(t, path) != "new" {
		t.Error("not written")
	}
	alone(t, path)
}

func TestRewriteOfTheSameTouchesNothing(t *testing.T) {
	path := hostsFile(t, "old")
	before, _ := os.Stat(path)
	if err := rewrite(context.Background(), path, to("old")); err != nil {
		t.Fatal(err)
	}
	if after, _ := os.Stat(path); !os.SameFile(before, after) || after.ModTime() != before.ModTime() {
		t.Error("the file was written")
	}
}

func TestRewriteClearsUpAfterADeath(t *testing.T) {
	for _, next := range []string{"new", "old"} {
		path := hostsFile(t, "old")
		if err := os.WriteFile(temporaryName(path), []byte("half of it"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := rewrite(context.Background(), path, to(next)); err != nil {
			t.Fatal(err)
		}
		if content(t, path) != next {
			t.Error("not written")
		}
		alone(t, path)
	}
}

func TestRewriteFollowsALink(t *testing.T) {
	path := hostsFile(t, "old")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if err := rewrite(context.Background(), link, to("new")); err != nil {
		t.Fatal(err)
	}
	if target, err := os.Readlink(link); err != nil || target != path || content(t, path) != "new" {
		t.Errorf("the link leads to %s (%v)", target, err)
	}
	alone(t, path)
	alone(t, link)
}

func TestRewriteRefuses(t *testing.T) {
	folder := t.TempDir()
	dangling, pipe, linked := filepath.Join(folder, "dangling"), filepath.Join(folder, "pipe"), hostsFile(t, "old")
	for _, err := range []error{
		os.Symlink(filepath.Join(folder, "none"), dangling), syscall.Mkfifo(pipe, 0o600), os.Link(linked, linked+"2"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{
		dangling:                               dangling + " is a link to " + filepath.Join(folder, "none") + ", which does not exist",
		pipe:                                   pipe + " is no regular file",
		folder:                                 folder + " is no regular file",
		linked:                                 linked + " has other names (hard links), which would keep the old content",
		filepath.Join(folder, "none", "hosts"): "the folder of " + filepath.Join(folder, "none", "hosts") + " does not exist",
	} {
		err := rewrite(context.Background(), path, to("new"))
		if err == nil {
			t.Errorf("%s was written", path)
		} else if failure := failureOf(err, path); failure.Class != "permanent" || failure.Path != "/file" || failure.Message != want {
			t.Errorf("got %+v, want %q", failure, want)
		}
	}
}

func TestRewriteMakesAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts")
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	if err := rewrite(context.Background(), path, to("")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file was made for nothing")
	}
	if err := rewrite(context.Background(), path, to("new")); err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(path); info.Mode() != 0o644 || content(t, path) != "new" {
		t.Errorf("its mode is %v", info.Mode())
	}
	alone(t, path)
}

func TestRewriteOfALockedFile(t *testing.T) {
	path := hostsFile(t, "old")
	other, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := syscall.Flock(int(other.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	var failure *Failure
	err = rewrite(context.Background(), path, to("new"))
	if !errors.As(err, &failure) || failure.Class != "temporary" || failure.DelayMS == 0 {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errDeadline)
	began := time.Now()
	err = rewrite(ctx, path, to("new"))
	if !errors.As(err, &failure) || failure.Class != "canceled" || time.Since(began) > lockPatience/2 {
		t.Errorf("got %v after %v", err, time.Since(began))
	}
	if content(t, path) != "old" {
		t.Error("written nevertheless")
	}
}

func TestRewriteSeesWhatOthersWrite(t *testing.T) {
	path := hostsFile(t, "one\n")
	calls := 0
	err := rewrite(context.Background(), path, func(old []byte) []byte {
		calls++
		if calls == 1 { // an editor that takes no lock, and replaces the file
			if err := os.WriteFile(path+"~", []byte("one\ntwo\n"), 0o644); err != nil {
				t.Error(err)
			}
			if err := os.Rename(path+"~", path); err != nil {
				t.Error(err)
			}
		}
		if calls == 2 { // one that writes in place
			if err := os.WriteFile(path, []byte("one\ntwo\nthree\n"), 0o644); err != nil {
				t.Error(err)
			}
		}
		return append(old, "mine\n"...)
	})
	if got := content(t, path); err != nil || got != "one\ntwo\nthree\nmine\n" || calls != 3 {
		t.Errorf("got %q after %d calls, %v", got, calls, err)
	}
	alone(t, path)
}
