// SPDX-License-Identifier: GPL-3.0-only

package main

import (
	"fmt"
	"hash/fnv"
	"math/rand"
	"strings"
	"sync/atomic"
	"time"
)

const (
	firstPause = 1.0  // seconds after a first failure, as our worker-node module waits; doubled with each
	lastPause  = 60.0 // the longest
	mostBlocks = 20   // of one message: about 100 kB, as the module bounds a batch
)

// text is a block of a pilot's log; ../truth.py makes the same.
func text(stamp string, block int64) string {
	var b strings.Builder
	for line := 0; line < plan.Lines; line++ {
		fmt.Fprintf(&b, "2026-06-10T11:02:02.%06dZ INFO [LaunchAgent] %s block %d: a line of a log that is 100 bytes long\n", line, stamp[:12], block)
	}
	return b.String()
}

// pilot is one sender. Its goroutine alone changes it; others read its counters.
type pilot struct {
	stamp   string
	vo      string
	stock   bool
	session string
	begins  time.Time
	lot     float64 // from 0 to 1: who ends first
	wire    *wire

	written int64 // blocks that became due
	acked   int64 // blocks that were acknowledged
	due     int64 // since when the oldest block that is not acknowledged is due, in Unix nanoseconds; 0 for none
	ended   bool

	seq      int64
	inFlight int64 // blocks of the message that has this number already
	waiting  []waiting
	failures int
}

// waiting is a block that is due and not acknowledged.
type waiting struct {
	since time.Time
	phase *recorder
}

func newPilot(number int, begins time.Time) *pilot {
	hash := fnv.New64a()
	fmt.Fprintf(hash, "%s %d", plan.Run, number)
	proxy := number % len(plan.Proxies)
	return &pilot{
		stamp:   fmt.Sprintf("%08x%s%016x", number, plan.Run, hash.Sum64()),
		vo:      plan.VOs[proxy],
		stock:   float64(number%100) < plan.Stock*100,
		session: "load",
		begins:  begins,
		lot:     float64(hash.Sum64()%1e6) / 1e6,
		wire:    newWire(number, proxy),
		seq:     1,
	}
}

// live is the pilot's whole life.
func (p *pilot) live() {
	time.Sleep(time.Until(p.begins))
	atomic.AddInt64(&counts.Begun, 1)
	next := time.Now()
	tried := time.Time{} // when it may be tried again
	endsAt := p.end()
	for {
		now := time.Now()
		if endsAt.IsZero() {
			endsAt = p.end()
		}
		goodbye := !endsAt.IsZero() && !now.Before(endsAt)
		if !goodbye && atomic.LoadInt32(&stopping) == 0 && !now.Before(next) {
			p.write(next)
			next = next.Add(seconds(plan.Period))
			continue
		}
		if (len(p.waiting) > 0 || goodbye) && !now.Before(tried) {
			if p.send(goodbye) {
				p.failures = 0
				if goodbye && len(p.waiting) == 0 {
					p.ended = true
					atomic.AddInt64(&counts.Ended, 1)
					break
				}
			} else {
				tried = time.Now().Add(p.pause())
			}
			continue
		}
		if atomic.LoadInt32(&stopping) != 0 && len(p.waiting) == 0 && endsAt.IsZero() {
			break
		}
		wake := next
		if len(p.waiting) > 0 || goodbye {
			wake = tried
		}
		if !endsAt.IsZero() && !goodbye && endsAt.Before(wake) {
			wake = endsAt
		}
		if limit := now.Add(time.Second); wake.After(limit) {
			wake = limit // commands are looked at each second
		}
		time.Sleep(time.Until(wake))
	}
	p.wire.close()
}

// end is when this pilot says goodbye; the zero time for not yet.
func (p *pilot) end() time.Time {
	now := ending.Load().(*wave)
	if p.lot >= now.share {
		return time.Time{}
	}
	return now.begins.Add(seconds(now.within * p.lot / now.share))
}

func (p *pilot) write(due time.Time) {
	now := phase.Load().(*recorder)
	now.becameDue()
	p.waiting = append(p.waiting, waiting{due, now})
	atomic.AddInt64(&p.written, 1)
	atomic.AddInt64(&counts.Written, 1)
	if len(p.waiting) == 1 {
		atomic.StoreInt64(&p.due, due.UnixNano())
	}
}

// send hands over what waits, at most mostBlocks; a numbered message that failed is sent again as it was.
func (p *pilot) send(goodbye bool) bool {
	blocks := int64(len(p.waiting))
	if blocks > mostBlocks {
		blocks = mostBlocks
	}
	if p.inFlight > 0 && !p.stock {
		blocks = p.inFlight
	}
	last := goodbye && blocks == int64(len(p.waiting))
	var b strings.Builder
	for block := p.acked + 1; block <= p.acked+blocks; block++ {
		b.WriteString(text(p.stamp, block))
	}
	if p.inFlight > 0 {
		atomic.AddInt64(&resends, 1)
	}
	p.inFlight = blocks
	if why := p.wire.send(p, b.String(), last); why != "" {
		refusals.add(why)
		p.failures++
		return false
	}
	now := time.Now()
	for _, one := range p.waiting[:blocks] {
		one.phase.took(now.Sub(one.since))
	}
	p.waiting = append(p.waiting[:0], p.waiting[blocks:]...)
	atomic.AddInt64(&p.acked, blocks)
	atomic.AddInt64(&counts.Acked, blocks)
	p.inFlight = 0
	p.seq++
	if len(p.waiting) == 0 {
		atomic.StoreInt64(&p.due, 0)
	} else {
		atomic.StoreInt64(&p.due, p.waiting[0].since.UnixNano())
	}
	return true
}

func (p *pilot) pause() time.Duration {
	pause := firstPause
	for i := 1; i < p.failures && pause < lastPause; i++ {
		pause *= 2
	}
	if pause > lastPause {
		pause = lastPause
	}
	return seconds(pause * (0.5 + rand.Float64()))
}
