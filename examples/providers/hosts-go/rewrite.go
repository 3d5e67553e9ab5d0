package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	maxFile      = 64 << 20 // bytes
	moveAttempts = 10
)

// errMoved tells that another writer changed the file while the new content was being written.
var errMoved = errors.New("the file changes all the time")

// readHosts gives the content of a file, nil if there is no such file or folder. It takes no lock: a file that is
// replaced as a whole is always one that somebody meant.
func readHosts(path string) ([]byte, error) {
	file, err := openRegular(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readAll(file)
}

// rewrite replaces the content of a file by what change makes of it, as a whole: whoever reads sees the old content or
// the new one, also after a crash. Owner, mode and links to the file stay. change may be called several times, since
// others may write between a look and an effect.
func rewrite(ctx context.Context, path string, change func(old []byte) []byte) error {
	var err error
	for range [moveAttempts]struct{}{} {
		if err = rewriteOnce(ctx, path, change); !errors.Is(err, errMoved) {
			return err
		}
	}
	return err
}

func rewriteOnce(ctx context.Context, path string, change func(old []byte) []byte) error {
	file, real, err := openLocked(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		return createFor(path, change)
	}
	if err != nil {
		return err
	}
	defer file.Close() // and with it, the lock
	temporary := temporaryName(real)
	// Nobody else works under this name, as the lock is ours: whoever left it there was killed.
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("clear up: %w", err)
	}
	old, err := readAll(file)
	if err != nil {
		return err
	}
	content := change(old)
	if bytes.Equal(content, old) {
		return nil
	}
	defer os.Remove(temporary) // of no effect after the rename
	if err := writeLike(file, real, temporary, content); err != nil {
		return err
	}
	if isSame, err := isUntouched(file, real, old); err != nil || !isSame {
		return errors.Join(err, errMoved)
	}
	if err := os.Rename(temporary, real); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(real))
}

// createFor makes an empty file where there is none, so that the next attempt has one to lock; unless nothing is to be
// written.
func createFor(path string, change func(old []byte) []byte) error {
	if len(change(nil)) == 0 {
		return nil
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		if target, linkErr := os.Readlink(path); linkErr == nil {
			return permanent("/file", "%s is a link to %s, which does not exist", path, target)
		}
		return errMoved
	}
	if err != nil {
		return err
	}
	// Resolvers of every user read the file, whatever the umask of this process is.
	return errors.Join(file.Chmod(0o644), file.Close(), errMoved)
}

func readAll(file *os.File) ([]byte, error) {
	content, err := io.ReadAll(io.NewSectionReader(file, 0, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(content) > maxFile {
		return nil, permanent("/file", "%s is longer than %d bytes", file.Name(), maxFile)
	}
	return content, nil
}

// writeLike writes a file beside another one, with its owner, mode and extended attributes, down to the disk.
func writeLike(file *os.File, real, temporary string, content []byte) (err error) {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return permanent("/file", "the owner of %s cannot be read", real)
	}
	if owner.Nlink > 1 {
		failure := permanent("/file", "%s has other names (hard links), which would keep the old content", real)
		failure.Mend = "Make it a file of its own, or the other names symbolic links."
		return failure
	}
	copied, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, copied.Close()) }()
	if _, err := copied.Write(content); err != nil {
		return err
	}
	if err := copied.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
		return fmt.Errorf("keep the owner: %w", err)
	}
	if err := syscall.Fchmod(int(copied.Fd()), owner.Mode&0o7777); err != nil {
		return fmt.Errorf("keep the mode: %w", err)
	}
	if err := copyAttributes(real, temporary); err != nil {
		return fmt.Errorf("keep the extended attributes: %w", err)
	}
	return copied.Sync()
}

// copyAttributes copies what users and administrators set: their own attributes, access lists, the SELinux label.
func copyAttributes(from, to string) error {
	names := make([]byte, 64<<10) // the kernel's limit
	size, err := syscall.Listxattr(from, names)
	if errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	if err != nil {
		return err
	}
	value := make([]byte, 64<<10)
	for _, name := range strings.Split(string(names[:size]), "\x00") {
		if !strings.HasPrefix(name, "user.") && name != "system.posix_acl_access" && name != "security.selinux" {
			continue
		}
		size, err := syscall.Getxattr(from, name, value)
		if err != nil {
			return err
		}
		if err := syscall.Setxattr(to, name, value[:size], 0); err != nil {
			return err
		}
	}
	return nil
}

// isUntouched tells whether nobody has written since the file was read. A writer that takes no lock can still come
// between this look and the rename; the caller of the protocol would see it when it observes again.
func isUntouched(file *os.File, real string, old []byte) (bool, error) {
	isSame, err := isStill(file, real)
	if err != nil || !isSame {
		return false, err
	}
	now, err := readAll(file)
	return bytes.Equal(now, old), err
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

func temporaryName(real string) string {
	return filepath.Join(filepath.Dir(real), "."+filepath.Base(real)+".aivp-hosts")
}
