// SPDX-License-Identifier: GPL-3.0-only

package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

const (
	connectTime = 10 * time.Second // for TCP and TLS, as the worker-node module has it
	answerTime  = 60 * time.Second
)

var (
	collectors []*url.URL
	contexts   []*tls.Config // of each proxy
)

func prepare() error {
	for _, text := range plan.URLs {
		address, err := url.Parse(text)
		if err != nil {
			return err
		}
		collectors = append(collectors, address)
	}
	authority, err := os.ReadFile(plan.Authority)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return errors.New("no certificate in " + plan.Authority)
	}
	for _, path := range plan.Proxies {
		proxy, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		certificate, err := x509KeyPair(proxy)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		contexts = append(contexts, &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}})
	}
	return nil
}

// x509KeyPair reads a proxy file, whose key stands between its certificates.
func x509KeyPair(content []byte) (tls.Certificate, error) {
	var certificates, key []byte
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if strings.Contains(block.Type, "PRIVATE") {
			key = append(key, pem.EncodeToMemory(block)...)
		} else {
			certificates = append(certificates, pem.EncodeToMemory(block)...)
		}
	}
	return tls.X509KeyPair(certificates, key)
}

// wire is a pilot's way to the collectors: one connection, kept or not, to one of them; after a failure to the next.
type wire struct {
	number    int
	context   *tls.Config
	collector int
	open      *tls.Conn
	reader    *bufio.Reader
}

func newWire(number, proxy int) *wire {
	return &wire{number: number, context: contexts[proxy], collector: number % len(collectors)}
}

func (w *wire) close() {
	if w.open != nil {
		w.open.Close()
		w.open, w.reader = nil, nil
		atomic.AddInt64(&counts.Connected, -1)
	}
}

// send gives why the message was not acknowledged; nothing if it was.
func (w *wire) send(p *pilot, text string, last bool) string {
	var err error
	if p.stock {
		if text != "" {
			document, _ := json.Marshal(text)
			err = w.call("sendMessage", []any{string(document), p.stamp, p.vo})
			w.close()
		}
		if err == nil && last {
			err = w.call("finaliseLogs", []any{`{"retCode": "0"}`, p.stamp, p.vo})
			w.close()
		}
	} else {
		batch := map[string]any{"stamp": p.stamp, "vo": p.vo, "session": p.session, "seq": p.seq, "text": text}
		if last {
			batch["final"] = map[string]string{"retCode": "0"}
		}
		err = w.call("appendLog", []any{batch})
	}
	if err == nil {
		return ""
	}
	w.close()
	w.collector = (w.collector + 1) % len(collectors)
	return reason(err)
}

func (w *wire) call(method string, arguments []any) error {
	if err := w.connect(); err != nil {
		return err
	}
	address := collectors[w.collector]
	encoded, _ := json.Marshal(arguments)
	body := url.Values{"method": {method}, "args": {string(encoded)}}.Encode()
	w.open.SetDeadline(time.Now().Add(answerTime))
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n", address.Path, address.Host, len(body))
	if _, err := io.WriteString(w.open, head+body); err != nil {
		return err
	}
	reply, err := http.ReadResponse(w.reader, nil)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	content, err := io.ReadAll(reply.Body)
	if err != nil {
		return err
	}
	if reply.StatusCode != 200 {
		return refused(fmt.Sprintf("HTTP %d", reply.StatusCode))
	}
	var answer struct {
		OK      bool
		Errno   int
		Message string
	}
	if err := json.Unmarshal(content, &answer); err != nil {
		return refused("no JSON")
	}
	if !answer.OK {
		return refused(fmt.Sprintf("%d %s", answer.Errno, withoutDigits(answer.Message)))
	}
	return nil
}

func (w *wire) connect() error {
	if w.open != nil {
		return nil
	}
	dialer := net.Dialer{Timeout: connectTime}
	if plan.Sources > 0 {
		source := w.number % plan.Sources
		dialer.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 1, byte(source/250), byte(source%250+1))}
	}
	address := collectors[w.collector]
	plain, err := dialer.Dial("tcp", address.Host)
	if err != nil {
		return err
	}
	context := w.context.Clone()
	context.ServerName = address.Hostname()
	secure := tls.Client(plain, context)
	secure.SetDeadline(time.Now().Add(connectTime))
	if err := secure.Handshake(); err != nil {
		plain.Close()
		return err
	}
	w.open, w.reader = secure, bufio.NewReaderSize(secure, 1024)
	atomic.AddInt64(&counts.Connected, 1)
	return nil
}

// refused is what a collector said, as opposed to a connection that failed.
type refused string

func (r refused) Error() string { return string(r) }

func reason(err error) string {
	var said refused
	if errors.As(err, &said) {
		return string(said)
	}
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		return "no answer in time"
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "connection closed"
	}
	text := err.Error()
	return withoutDigits(text[strings.LastIndex(text, ": ")+1:])
}

// withoutDigits makes one reason of sentences that differ in a number.
func withoutDigits(text string) string {
	var b strings.Builder
	digits := false
	for _, r := range text {
		if r >= '0' && r <= '9' {
			if !digits {
				b.WriteByte('N')
			}
			digits = true
			continue
		}
		digits = false
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}
