package main

import (
	"os"
	"regexp"
	"strconv"
	"syscall"
	"time"
)

// cpuMs is the processor time of all threads of this process so far, in milliseconds.
func cpuMs() float64 {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	spent := time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	return float64(spent) / float64(time.Millisecond)
}

var vmHWM = regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`)

// maxRssBytes is the most memory that this process has had resident (VmHWM, proc(5)).
func maxRssBytes() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	found := vmHWM.FindSubmatch(status)
	if found == nil {
		return 0
	}
	kilobytes, _ := strconv.ParseInt(string(found[1]), 10, 64)
	return kilobytes * 1024
}
