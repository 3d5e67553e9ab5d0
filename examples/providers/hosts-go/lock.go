package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	lockPatience = time.Second
	lockPoll     = 20 * time.Millisecond
)

// openLocked opens a file and locks it, and gives the path of it without symbolic links. As other writers replace the
// file, too, the lock only counts if the file is still the one that the path leads to.
func openLocked(ctx context.Context, path string) (*os.File, string, error) {
	patience := time.Now().Add(lockPatience)
	for {
		file, err := openRegular(path)
		if err != nil {
			return nil, "", err
		}
		real, isHeld, err := hold(file, path)
		if isHeld {
			return file, real, nil
		}
		file.Close()
		if err != nil {
			return nil, "", err
		}
		if time.Now().After(patience) {
			return nil, "", &Failure{
				Class: "temporary", Path: "/file", DelayMS: 1000, Message: path + " is locked by another program",
			}
		}
		select {
		case <-ctx.Done():
			return nil, "", stopped(ctx)
		case <-time.After(lockPoll):
		}
	}
}

func hold(file *os.File, path string) (real string, isHeld bool, err error) {
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("lock %s: %w", path, err)
	}
	if real, err = filepath.EvalSymlinks(path); err != nil {
		return "", false, err
	}
	isHeld, err = isStill(file, real)
	return real, isHeld, err
}

// openRegular opens a file, but no pipe that would never end and no device. The kernel follows symbolic links, and with
// it goes its protection against links that others put into shared folders.
func openRegular(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = permanent("/file", "%s is no regular file", path)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// isStill tells whether a path without symbolic links leads to the open file.
func isStill(file *os.File, real string) (bool, error) {
	opened, err := file.Stat()
	if err != nil {
		return false, err
	}
	there, err := os.Lstat(real)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(opened, there), err
}
