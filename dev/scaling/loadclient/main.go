// SPDX-License-Identifier: GPL-3.0-only

// Many pilots that send their logs, each over a TLS connection of its own, and keep to their times whatever the
// collectors do (an open loop): a message that waits counts its waiting.
//
// Standard input: a JSON object (Plan) in the first line; then commands, one a line:
//
//	phase NAME            what is due from now on counts for this phase
//	end SHARE SECONDS     this share of the pilots ends within so many seconds
//	stop                  nothing more becomes due; what is due is still sent
//	quit                  end at once
//
// Standard output: a Status as a line of JSON each second. At its end a Report, and for each pilot a line in Plan.Results.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Plan is what the client is to do.
type Plan struct {
	URLs      []string // of the collectors
	Authority string   // the CA's certificate, PEM
	Proxies   []string // proxy files; pilots take them in turn
	VOs       []string // of each proxy
	First     int      // the number of this client's first pilot
	Pilots    int
	Stock     float64 // which share are stock pilots: a new connection for each message, and no numbers
	Ramp      float64 // seconds within which all begin
	Period    float64 // seconds between two blocks of text of one pilot
	Lines     int     // of a block
	Sources   int     // source addresses of this client, 127.1.0.1 and so on; 0: the system chooses
	Run       string  // goes into all stamps
	Results   string  // a file: "stamp vo blocks-acknowledged blocks-written ended" for each pilot
}

// Status says how it goes.
type Status struct {
	Phase     string
	Begun     int64 // pilots that have begun
	Connected int64
	Written   int64 // messages that became due
	Acked     int64 // messages whose text was acknowledged
	Behind    int64 // pilots with text that has been due for more than five seconds
	Ended     int64 // pilots whose goodbye was acknowledged
	Done      bool  // all has been sent
}

// Report is the last line.
type Report struct {
	Phases   map[string]*PhaseReport
	Refusals map[string]int64
	Resends  int64
}

var (
	plan     Plan
	phases   sync.Map // name -> *recorder
	phase    atomic.Value
	ending   atomic.Value // *wave
	stopping int32
	counts   Status
	pilots   []*pilot
)

func main() {
	input := bufio.NewReader(os.Stdin)
	line, err := input.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &plan)
	}
	if err == nil {
		err = prepare()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "loadclient:", err)
		os.Exit(2)
	}
	setPhase("ramp")
	ending.Store(&wave{})
	var all sync.WaitGroup
	begun := time.Now()
	for number := 0; number < plan.Pilots; number++ {
		one := newPilot(plan.First+number, begun.Add(seconds(plan.Ramp*float64(number)/float64(plan.Pilots))))
		pilots = append(pilots, one)
		all.Add(1)
		go func() {
			defer all.Done()
			one.live()
		}()
	}
	quit := make(chan bool)
	go obey(input, quit)
	done := make(chan bool)
	go func() { all.Wait(); close(done) }()
	tell(done, quit)
	if err := report(); err != nil {
		fmt.Fprintln(os.Stderr, "loadclient:", err)
		os.Exit(1)
	}
}

func obey(input *bufio.Reader, quit chan bool) {
	defer close(quit)
	for {
		line, err := input.ReadString('\n')
		if err != nil {
			return
		}
		words := strings.Fields(line)
		switch words[0] {
		case "phase":
			setPhase(words[1])
		case "end":
			share, _ := strconv.ParseFloat(words[1], 64)
			within, _ := strconv.ParseFloat(words[2], 64)
			ending.Store(&wave{share, time.Now(), within})
		case "stop":
			atomic.StoreInt32(&stopping, 1)
		case "quit":
			return
		}
	}
}

// wave is when which share of the pilots ends.
type wave struct {
	share  float64
	begins time.Time
	within float64
}

func setPhase(name string) {
	next, _ := phases.LoadOrStore(name, newRecorder(name))
	phase.Store(next)
}

func tell(done, quit chan bool) {
	ticks := time.NewTicker(time.Second)
	output := json.NewEncoder(os.Stdout)
	for {
		select {
		case <-ticks.C:
			output.Encode(status())
		case <-done:
			last := status()
			last.Done = true
			output.Encode(last)
			<-quit
			return
		case <-quit:
			return
		}
	}
}

func status() Status {
	now := time.Now().UnixNano()
	var behind int64
	for _, one := range pilots {
		if due := atomic.LoadInt64(&one.due); due != 0 && now-due > 5e9 {
			behind++
		}
	}
	return Status{
		Phase:     phase.Load().(*recorder).name,
		Begun:     atomic.LoadInt64(&counts.Begun),
		Connected: atomic.LoadInt64(&counts.Connected),
		Written:   atomic.LoadInt64(&counts.Written),
		Acked:     atomic.LoadInt64(&counts.Acked),
		Behind:    behind,
		Ended:     atomic.LoadInt64(&counts.Ended),
	}
}

func report() error {
	file, err := os.Create(plan.Results)
	if err != nil {
		return err
	}
	output := bufio.NewWriter(file)
	for _, one := range pilots {
		fmt.Fprintf(output, "%s %s %d %d %t\n", one.stamp, one.vo, atomic.LoadInt64(&one.acked), atomic.LoadInt64(&one.written), one.ended)
	}
	if err := output.Flush(); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	last := Report{map[string]*PhaseReport{}, refusals.all(), atomic.LoadInt64(&resends)}
	phases.Range(func(name, one any) bool {
		last.Phases[name.(string)] = one.(*recorder).report()
		return true
	})
	return json.NewEncoder(os.Stdout).Encode(last)
}

func seconds(value float64) time.Duration { return time.Duration(value * float64(time.Second)) }
