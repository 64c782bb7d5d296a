# timeout: 300
# needs: go
# long: the standard library is compiled twice
# A static Go program: goroutines on many threads, channels, timers, garbage, signals, processes, sockets, a crash with its trace; built in the sandbox, too.
set -e
export GOCACHE=$PWD/cache GOPATH=$PWD/path GOFLAGS=-mod=mod GO111MODULE=on CGO_ENABLED=0 GOTOOLCHAIN=local GOPROXY=off
mkdir program && cd program
cat > go.mod <<'G'
module program

go 1.19
G
cat > main.go <<'G'
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sort"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func goroutines() {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var atomicSum int64
	plain := 0
	for i := 0; i < 2000; i++ {
		wg.Add(1)
		go func(n int) {
			defer wg.Done()
			atomic.AddInt64(&atomicSum, int64(n))
			mu.Lock()
			plain++
			mu.Unlock()
			if n%100 == 0 {
				time.Sleep(time.Millisecond)
			}
			runtime.Gosched()
		}(i)
	}
	wg.Wait()
	fmt.Println("goroutines", atomicSum, plain)
	stages := make(chan int)
	first := stages
	for i := 0; i < 200; i++ {
		next := make(chan int)
		go func(in, out chan int) { out <- 1 + <-in }(first, next)
		first = next
	}
	stages <- 0
	fmt.Println("chain", <-first)
	// Loops without calls are preempted by signals (SIGURG).
	var stop int32
	done := make(chan bool, 8)
	for i := 0; i < 8; i++ {
		go func() {
			x := uint64(1)
			for atomic.LoadInt32(&stop) == 0 {
				x = x*6364136223846793005 + 1
			}
			done <- x != 0
		}()
	}
	time.Sleep(50 * time.Millisecond)
	runtime.GC()
	atomic.StoreInt32(&stop, 1)
	for i := 0; i < 8; i++ {
		<-done
	}
	fmt.Println("preempted")
	// Threads that are locked to goroutines in blocking calls.
	for i := 0; i < 20; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			runtime.LockOSThread()
			ts := syscall.Timespec{Nsec: 5e6}
			syscall.Nanosleep(&ts, nil)
		}()
	}
	wg.Wait()
	fmt.Println("locked threads")
}

func garbage() {
	debug.SetGCPercent(20)
	total := 0
	keep := map[int][]byte{}
	for i := 0; i < 30000; i++ {
		b := make([]byte, 1+i%4096)
		keep[i%300] = b
		total += len(b)
	}
	runtime.GC()
	debug.FreeOSMemory()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	fmt.Println("garbage", total, len(keep), stats.NumGC > 3)
}

func timers() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	begun := time.Now()
	<-ctx.Done()
	fmt.Println("timeout", ctx.Err(), time.Since(begun) >= 30*time.Millisecond)
	ticker := time.NewTicker(2 * time.Millisecond)
	for i := 0; i < 10; i++ {
		<-ticker.C
	}
	ticker.Stop()
	fired := make(chan int, 100)
	for i := 0; i < 100; i++ {
		i := i
		time.AfterFunc(time.Duration(i%10)*time.Millisecond, func() { fired <- i })
	}
	got := []int{}
	for len(got) < 100 {
		got = append(got, <-fired)
	}
	sort.Ints(got)
	fmt.Println("timers", got[0], got[99])
}

func signals() {
	caught := make(chan os.Signal, 10)
	signal.Notify(caught, syscall.SIGUSR1, syscall.SIGHUP, syscall.SIGCHLD)
	for _, s := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGHUP} {
		syscall.Kill(os.Getpid(), s)
		fmt.Println("signal", <-caught)
	}
	signal.Reset(syscall.SIGCHLD)
	signal.Ignore(syscall.SIGHUP)
	syscall.Kill(os.Getpid(), syscall.SIGHUP)
	func() {
		defer func() { fmt.Println("recovered", recover()) }()
		var p *int
		*p = 1
	}()
	func() {
		defer func() { fmt.Println("recovered", recover()) }()
		zero := len(os.Args) - len(os.Args)
		fmt.Println(1 / zero)
	}()
}

func processes() {
	out, err := exec.Command("sh", "-c", "echo out; exit 5").Output()
	var exit *exec.ExitError
	fmt.Printf("%q %v\n", out, errors.As(err, &exit) && exit.ExitCode() == 5)
	var wg sync.WaitGroup
	var sum int64
	for i := 0; i < 20; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			command := exec.Command("cat")
			command.Stdin = bytes.NewReader(bytes.Repeat([]byte{'x'}, 1000*i))
			out, err := command.Output()
			if err != nil {
				fmt.Println(err)
			}
			atomic.AddInt64(&sum, int64(len(out)))
		}(i)
	}
	wg.Wait()
	fmt.Println("piped", sum)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	fmt.Println(exec.CommandContext(ctx, "sleep", "60").Run())
	fmt.Println(exec.Command("/no/such/program").Run())
}

func world() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(c, c); c.Close() }()
		}
	}()
	var wg sync.WaitGroup
	var total int64
	for i := 0; i < 20; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			c, err := net.Dial("tcp", listener.Addr().String())
			if err != nil {
				fmt.Println(err)
				return
			}
			go func() { c.Write(make([]byte, 50000)); c.(*net.TCPConn).CloseWrite() }()
			n, _ := io.Copy(io.Discard, c)
			atomic.AddInt64(&total, n)
		}()
	}
	wg.Wait()
	c, _ := net.Dial("tcp", listener.Addr().String())
	c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	_, err = c.Read(make([]byte, 1))
	fmt.Println("echoed", total, errors.Is(err, os.ErrDeadlineExceeded))
	os.MkdirAll("tree/a/b/c", 0o755)
	os.WriteFile("tree/a/b/c/file", []byte("content"), 0o600)
	os.Symlink("a/b", "tree/link")
	filepath.Walk("tree", func(p string, i os.FileInfo, err error) error { fmt.Println(p, i.Mode(), err); return nil })
	fmt.Printf("%x\n", sha256.Sum256(bytes.Repeat([]byte("ringwall"), 10000)))
}

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "panic":
			go func() { panic("on purpose") }()
			select {}
		case "deadlock":
			select {}
		case "wait":
			fmt.Println("waiting")
			time.Sleep(time.Minute)
		}
	}
	goroutines()
	garbage()
	timers()
	signals()
	processes()
	world()
}
G
go build -ldflags=-s -o prog .
file -b prog 2>/dev/null | grep -o 'statically linked' || true
for procs in 1 2 8; do
  rm -rf tree
  GOMAXPROCS=$procs ./prog
done
for mode in panic deadlock; do
  status=0
  ./prog $mode 2> trace || status=$?
  echo "$mode ended with $status: $(grep -E '^(panic|fatal error):' trace)"
done
./prog wait > out & pid=$!
for _ in $(seq 100); do grep -q waiting out && break; sleep 0.05; done
kill -TERM $pid
status=0
wait $pid || status=$?
echo "SIGTERM gives $status"
go vet . && echo vetted
