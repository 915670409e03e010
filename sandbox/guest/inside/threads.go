package inside

import (
	"runtime"
	"sync"
)

// beModest keeps this process to one processor at a time. All that it does is
// pass things on between others, and so it does that without waking threads of
// its own.
func beModest() { runtime.GOMAXPROCS(1) }

// How many threads are made in advance. Threads count as processes, so that
// there are not more of them than it takes to serve and to clean up.
const (
	guestThreads      = 8
	supervisorThreads = 2
)

// stock has the runtime make n threads now; it keeps what it has made. A
// runtime that wants another one while a fork bomb has used up all that there
// may be ends its program, and the end of the guest is that of the sandbox.
func stock(n int) {
	var all, ended sync.WaitGroup
	all.Add(n)
	for range n {
		ended.Go(func() {
			runtime.LockOSThread() // one each
			defer runtime.UnlockOSThread()
			all.Done()
			all.Wait()
		})
	}
	ended.Wait()
}
