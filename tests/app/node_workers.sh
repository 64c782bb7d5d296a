# timeout: 180
# needs: node
# Node: worker threads over shared memory and messages, child processes (spawn, exec, fork), timers, streams, a server on loopback, signals.
set -e
cat > worker.js <<'J'
const { parentPort, workerData } = require('worker_threads');
const counter = new Int32Array(workerData.shared);
for (let i = 0; i < 20000; i++) Atomics.add(counter, 0, 1);
let sum = 0;
for (let i = 0; i < 200000; i++) sum = (sum * 31 + i * workerData.seed) % 1000003;
parentPort.on('message', (text) => { parentPort.postMessage({ seed: workerData.seed, sum, text: text.toUpperCase() }); parentPort.close(); });
// One that waits in the kernel until it is told to go on.
Atomics.wait(counter, 1, 0);
J
cat > child.js <<'J'
process.on('message', (m) => { process.send({ squared: m.n * m.n }); if (m.last) process.disconnect(); });
process.on('SIGUSR2', () => { process.send({ signal: 'SIGUSR2' }); });
process.send({ ready: true });
J
cat > main.js <<'J'
const { Worker } = require('worker_threads');
const { spawn, execFile, fork, spawnSync, execSync } = require('child_process');
const { pipeline } = require('stream/promises');
const fs = require('fs'), net = require('net'), os = require('os'), zlib = require('zlib'), crypto = require('crypto'), dns = require('dns').promises;

async function workers() {
  const shared = new SharedArrayBuffer(8), counter = new Int32Array(shared);
  const all = [1, 2, 3, 4].map((seed) => new Promise((done, fail) => {
    const worker = new Worker('./worker.js', { workerData: { seed, shared } });
    let answer;
    worker.on('message', (m) => { answer = m; });
    worker.on('error', fail);
    worker.on('exit', (code) => done(`${answer.seed} ${answer.sum} ${answer.text} exit ${code}`));
    worker.postMessage(`hello ${seed}`);
  }));
  setTimeout(() => { Atomics.store(counter, 1, 1); Atomics.notify(counter, 1); }, 100);
  for (const line of await Promise.all(all)) console.log('worker', line);
  console.log('counter', counter[0]);
  const endless = new Worker('for (;;);', { eval: true });
  await new Promise((r) => endless.once('online', r));
  console.log('terminated with', await endless.terminate());
}

async function children() {
  const run = (name, args, input) => new Promise((done) => {
    const child = spawn(name, args);
    let out = '';
    child.stdout.on('data', (d) => { out += d; });
    child.on('close', (code, signal) => done(`${name} ${code} ${signal} ${out.trim().slice(0, 60)}`));
    child.stdin.on('error', () => {});  // not all of them read
    child.stdin.end(input);
  });
  const results = await Promise.all([run('cat', [], 'through a pipe'), run('sh', ['-c', 'echo out; exit 3'], ''), run('sh', ['-c', 'kill -TERM $$'], ''),
    run('wc', ['-c'], 'x'.repeat(300000)), ...Array.from({ length: 20 }, (_, i) => run('sh', ['-c', `echo ${i}`], ''))]);
  for (const line of results) console.log(line);
  console.log('sync', spawnSync('sort', { input: 'b\na\n' }).stdout.toString().replace(/\n/g, ' '), execSync('echo $((6 * 7))').toString().trim());
  console.log('missing', spawnSync('/no/such/program').error.code);
  const slow = spawnSync('sleep', ['10'], { timeout: 200 });
  console.log('timeout', slow.error.code, slow.signal);
  await new Promise((done) => execFile('sh', ['-c', 'yes | head -c 100000 | md5sum'], (e, out) => { console.log(out.trim()); done(); }));
  const child = fork('./child.js');
  await new Promise((done) => {
    child.on('message', (m) => {
      console.log('fork says', JSON.stringify(m));
      if (m.ready) child.kill('SIGUSR2');
      if (m.signal) { child.send({ n: 12 }); child.send({ n: 13, last: true }); }
    });
    child.on('exit', (code, signal) => { console.log('fork ended', code, signal); done(); });
  });
}

async function rest() {
  const order = [];
  await new Promise((done) => {
    setTimeout(() => { order.push('timeout 20'); }, 20);
    setTimeout(() => { order.push('timeout 60'); done(); }, 60);
    setImmediate(() => order.push('immediate'));
    process.nextTick(() => order.push('tick'));
  });
  console.log(order.join(', '));
  const server = net.createServer((socket) => socket.pipe(socket));
  await new Promise((r) => server.listen(0, '127.0.0.1', r));
  const echoed = await Promise.all(Array.from({ length: 10 }, (_, i) => new Promise((done) => {
    const socket = net.connect(server.address().port, '127.0.0.1', () => socket.end(`client ${i} `.repeat(5000)));
    let length = 0;
    socket.on('data', (d) => { length += d.length; });
    socket.on('close', () => done(length));
  })));
  console.log('echoed', echoed.join(' '));
  server.close();
  fs.writeFileSync('data', crypto.createHash('sha512').update('seed').digest('hex').repeat(2000));
  await pipeline(fs.createReadStream('data'), zlib.createGzip(), fs.createWriteStream('data.gz'));
  await pipeline(fs.createReadStream('data.gz'), zlib.createGunzip(), fs.createWriteStream('data2'));
  console.log('same', fs.readFileSync('data').equals(fs.readFileSync('data2')));
  console.log('cpus', os.cpus().length > 0, 'memory', os.totalmem() > 0, (await dns.lookup('localhost')).address !== undefined);
  const seen = new Promise((r) => fs.watch('.', (_, name) => { if (name === 'watched') r(name); }));
  setTimeout(() => fs.writeFileSync('watched', 'x'), 50);
  console.log('watch', await seen);
  const hashes = await Promise.all(Array.from({ length: 8 }, (_, i) => new Promise((r, f) => crypto.pbkdf2(`p${i}`, 's', 2000, 8, 'sha1', (e, k) => (e ? f(e) : r(k.toString('hex')))))));
  console.log(hashes.join(' '));
}

process.on('SIGUSR2', () => { console.log('caught SIGUSR2'); process.exit(7); });
(async () => { await workers(); await children(); await rest(); setInterval(() => {}, 1000); process.kill(process.pid, 'SIGUSR2'); })();
J
status=0
node main.js || status=$?
echo "ended with $status"
[ $status = 7 ]
