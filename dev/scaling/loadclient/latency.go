// SPDX-License-Identifier: GPL-3.0-only

package main

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

const (
	growth  = 1.02 // each bucket is two per cent wider than the one before: that is how exact a latency is
	buckets = 1200 // from 1 us to more than four hours
)

// recorder holds the latencies of one phase: from the moment at which a message was due to its acknowledgement.
type recorder struct {
	name   string
	due    int64
	counts [buckets]int64
}

// PhaseReport is a recorder as JSON: how many messages became due, and for each bucket its number and its messages.
type PhaseReport struct {
	Due     int64
	Buckets map[int]int64
}

func newRecorder(name string) *recorder { return &recorder{name: name} }

func (r *recorder) becameDue() { atomic.AddInt64(&r.due, 1) }

func (r *recorder) took(latency time.Duration) {
	bucket := 0
	if latency > time.Microsecond {
		bucket = int(math.Log(float64(latency)/1e3) / math.Log(growth))
	}
	if bucket >= buckets {
		bucket = buckets - 1
	}
	atomic.AddInt64(&r.counts[bucket], 1)
}

func (r *recorder) report() *PhaseReport {
	told := &PhaseReport{atomic.LoadInt64(&r.due), map[int]int64{}}
	for bucket := range r.counts {
		if count := atomic.LoadInt64(&r.counts[bucket]); count > 0 {
			told.Buckets[bucket] = count
		}
	}
	return told
}

// tallied counts by name.
type tallied struct {
	lock   sync.Mutex
	counts map[string]int64
}

func (t *tallied) add(name string) {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.counts[name]++
}

func (t *tallied) all() map[string]int64 {
	t.lock.Lock()
	defer t.lock.Unlock()
	return t.counts
}

var (
	refusals = tallied{counts: map[string]int64{}}
	resends  int64
)
