# timeout: 300
# needs: java javac
# OpenJDK: the compiler, then threads, executors, locks, garbage, parallel streams, processes, files, sockets and a stack overflow.
set -e
mkdir classes
cat > Threads.java <<'J'
import java.io.*;
import java.net.*;
import java.nio.channels.*;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.concurrent.locks.*;
import java.util.stream.*;

public class Threads {
  static int plain;
  static synchronized void add() { plain++; }
  static int depth(int n) { return depth(n + 1) + 1; }

  static void counters() throws Exception {
    var atomic = new AtomicLong();
    var lock = new ReentrantLock();
    var map = new ConcurrentHashMap<Integer, Integer>();
    int[] locked = new int[1];
    var threads = new ArrayList<Thread>();
    for (int t = 0; t < 16; t++) {
      var thread = new Thread(() -> {
        for (int i = 0; i < 5000; i++) {
          add();
          atomic.incrementAndGet();
          map.merge(i % 100, 1, Integer::sum);
          lock.lock();
          try { locked[0]++; } finally { lock.unlock(); }
        }
      });
      thread.start();
      threads.add(thread);
    }
    for (var thread : threads) thread.join();
    System.out.println("counters " + plain + " " + atomic + " " + locked[0] + " " + map.values().stream().mapToInt(x -> x).sum());
  }

  static void executors() throws Exception {
    var pool = Executors.newFixedThreadPool(8);
    var futures = IntStream.range(0, 50).mapToObj(i -> pool.submit(() -> { Thread.sleep(i % 5); return i * i; })).collect(Collectors.toList());
    long sum = 0;
    for (var future : futures) sum += future.get();
    pool.shutdown();
    System.out.println("pool " + sum + " " + pool.awaitTermination(10, TimeUnit.SECONDS));
    var ticks = new CountDownLatch(5);
    var timer = Executors.newScheduledThreadPool(2);
    timer.scheduleAtFixedRate(ticks::countDown, 1, 5, TimeUnit.MILLISECONDS);
    System.out.println("ticks " + ticks.await(10, TimeUnit.SECONDS));
    timer.shutdownNow();
    System.out.println("parallel " + IntStream.rangeClosed(1, 200000).parallel().filter(n -> n % 7 == 0).asLongStream().sum());
    System.out.println("chain " + CompletableFuture.supplyAsync(() -> 20).thenCombineAsync(CompletableFuture.supplyAsync(() -> 22), Integer::sum).get());
    var queue = new ArrayBlockingQueue<Integer>(4);
    var producer = new Thread(() -> { try { for (int i = 0; i < 2000; i++) queue.put(i); queue.put(-1); } catch (InterruptedException e) { } });
    producer.start();
    long got = 0;
    for (int item; (item = queue.take()) >= 0;) got += item;
    System.out.println("queue " + got);
    var barrier = new CyclicBarrier(6);
    var rounds = new AtomicInteger();
    var party = new ArrayList<Thread>();
    for (int i = 0; i < 6; i++) {
      var t = new Thread(() -> { try { for (int r = 0; r < 50; r++) { barrier.await(); rounds.incrementAndGet(); } } catch (Exception e) { } });
      t.start();
      party.add(t);
    }
    for (var t : party) t.join();
    System.out.println("barrier " + rounds);
    var sleeper = new Thread(() -> { try { Thread.sleep(60000); } catch (InterruptedException e) { System.out.println("interrupted"); } });
    sleeper.start();
    sleeper.interrupt();
    sleeper.join();
  }

  static void garbage() {
    long kept = 0;
    var keep = new ArrayDeque<byte[]>();
    for (int i = 0; i < 20000; i++) {
      keep.add(new byte[8192]);
      if (keep.size() > 500) kept += keep.poll().length;
    }
    System.gc();
    System.out.println("garbage " + kept);
    try { depth(0); } catch (StackOverflowError e) { System.out.println("stack overflow caught"); }
    try { Object o = null; o.hashCode(); } catch (NullPointerException e) { System.out.println("null pointer caught"); }
    try { var l = new ArrayList<long[]>(); for (;;) l.add(new long[1 << 22]); } catch (OutOfMemoryError e) { System.out.println("out of memory caught"); }
  }

  static void world() throws Exception {
    var process = new ProcessBuilder("sh", "-c", "read line; echo got $line; exit 4").redirectErrorStream(true).start();
    try (var writer = new PrintWriter(process.getOutputStream())) { writer.println("a line"); }
    System.out.println(new String(process.getInputStream().readAllBytes()).trim() + " " + process.waitFor());
    var slow = new ProcessBuilder("sleep", "60").start();
    System.out.println("alive " + slow.isAlive() + " " + slow.waitFor(50, TimeUnit.MILLISECONDS));
    slow.destroyForcibly();
    System.out.println("destroyed " + slow.waitFor());
    var path = Path.of("file.txt");
    Files.writeString(path, "line\n".repeat(1000));
    try (var channel = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE); var lock = channel.lock()) {
      var mapped = channel.map(FileChannel.MapMode.READ_WRITE, 0, channel.size());
      mapped.put(0, (byte) 'L');
      mapped.force();
    }
    System.out.println(Files.lines(path).distinct().collect(Collectors.toList()));
    try (var server = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"))) {
      var echo = new Thread(() -> {
        try { for (int i = 0; i < 5; i++) try (var s = server.accept()) { s.getInputStream().transferTo(s.getOutputStream()); } } catch (IOException e) { System.out.println(e); }
      });
      echo.start();
      int total = 0;
      for (int i = 0; i < 5; i++) {
        try (var socket = new Socket("127.0.0.1", server.getLocalPort())) {
          socket.getOutputStream().write(new byte[10000]);
          socket.shutdownOutput();
          total += socket.getInputStream().readAllBytes().length;
        }
      }
      echo.join();
      System.out.println("echoed " + total);
    }
    try (var selector = Selector.open()) { System.out.println("select " + selector.select(10)); }
  }

  public static void main(String[] args) throws Exception {
    counters();
    executors();
    garbage();
    world();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("hook")));
    System.exit(9);
  }
}
J
javac -d classes Threads.java
ls classes
for collector in UseSerialGC UseG1GC UseParallelGC; do
  status=0
  java -XX:+$collector -Xmx128m -cp classes Threads || status=$?
  echo "$collector ended with $status"
done
java -Xint -XX:+UseSerialGC -version 2>&1 | tail -n 1
cat > Stop.java <<'J'
public class Stop { public static void main(String[] a) throws Exception { Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("stopping"))); System.out.println("up"); Thread.sleep(60000); } }
J
java Stop.java > stop.out & pid=$!
for _ in $(seq 300); do grep -q up stop.out && break; sleep 0.1; done
kill -TERM $pid
status=0
wait $pid || status=$?
cat stop.out
echo "SIGTERM gives $status"
