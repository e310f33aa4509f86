import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import type { HealthCheck } from '@bowline/spec';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { runChecks } from './run-checks.ts';

let test: TestMachine;
let servers: Server[] = [];
beforeEach(async () => {
  test = await makeTestMachine();
});
afterEach(async () => {
  for (const server of servers) server.close();
  servers = [];
  await test.remove();
});

const put = async (path: string, text: string): Promise<void> => {
  const at = join(test.root, path);
  await mkdir(dirname(at), { recursive: true });
  await writeFile(at, text);
  await chmod(at, 0o755);
};
const look = async (check: HealthCheck): Promise<string> => {
  const [found] = await runChecks([check], test.machine);
  return `${found?.state}${found?.reason === '' ? '' : `: ${found?.reason}`}`;
};
const listen = async (server: Server): Promise<number> => {
  servers.push(server);
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return (server.address() as AddressInfo).port;
};
/** A systemctl that says what a file of its name holds: `show-nginx.service`, `is-system-running`... */
async function systemd(answers: Record<string, string>): Promise<void> {
  await mkdir(join(test.root, 'run/systemd/system'), { recursive: true });
  for (const [name, text] of Object.entries(answers)) await put(`answers/${name}`, text);
  await put(
    'usr/bin/systemctl',
    `#!/bin/sh
verb=$1
for word; do last=$word; done
for name in "$verb-$last" "$verb"; do
  [ ! -e "${test.root}/answers/$name" ] || { cat "${test.root}/answers/$name"; [ ! -e "${test.root}/answers/$name.fails" ]; exit; }
done
exit 1
`,
  );
}

describe('boot-complete', () => {
  it.each([
    ['running', 'passed'],
    ['degraded', 'passed'],
    ['starting', 'failed: the start is not over: it waits for slow.service'],
    ['maintenance', 'failed: systemd is maintenance'],
    ['', 'failed: systemd is in no state that it tells'],
  ])('of a systemd that is %s', async (state, found) => {
    await systemd({ 'is-system-running': state, 'list-jobs': '87 slow.service start running\n' });
    expect(await look({ kind: 'boot-complete' })).toBe(found);
  });

  it('asks for boot-complete.target, where units of others may have their say', async () => {
    const target = 'boot-complete.target';
    await systemd({ 'is-system-running': 'running', [`show-${target}`]: 'loaded', [`start-${target}`]: '' });
    expect(await look({ kind: 'boot-complete' })).toBe('passed');
    await put(`answers/start-${target}.fails`, '');
    expect(await look({ kind: 'boot-complete' })).toBe(
      'failed: boot-complete.target is not reached: a unit that it requires has failed',
    );
  });

  it('is skipped where nobody can tell', async () => {
    expect(await look({ kind: 'boot-complete' })).toMatch(/^skipped: without systemd/);
  });
});

describe('no-failed-units', () => {
  const failing = (...units: string[]) => ({
    'list-units': units.map((unit) => `${unit} loaded failed failed X\n`).join(''),
  });

  it.each([
    [[], [], 'passed'],
    [['nginx.service'], [], 'failed: unit nginx.service is failed'],
    [['nginx.service'], ['nginx.service'], 'passed'],
    [['bowline-assess.service'], [], 'passed'],
    [['a.service', 'b.mount'], [], 'failed: units a.service, b.mount are failed'],
    [['a', 'b', 'c', 'd', 'e', 'f', 'g'], [], 'failed: units a, b, c, d, e and 2 more are failed'],
  ])('with %j failed, of which %j may be', async (units, except, found) => {
    await systemd(failing(...units));
    expect(await look({ kind: 'no-failed-units', except })).toBe(found);
  });

  it('is skipped without systemd', async () => {
    expect(await look({ kind: 'no-failed-units', except: [] })).toMatch(/^skipped/);
  });
});

describe('network', () => {
  const V4 = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n';
  const ANY = '0'.repeat(32);
  it.each([
    ['no route', '', '', 'failed: there is no default route'],
    [
      'a route to the neighbours',
      `${V4}eth0\t0002000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n`,
      '',
      'failed: there is no default route',
    ],
    ['a default route', `${V4}eth0\t00000000\t0202000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n`, '', 'passed'],
    [
      'a route of IPv6',
      '',
      `${ANY} 00 ${ANY} 00 fe800000000000000000000000000002 00000400 00000001 00000000 00450003 eth0\n`,
      'passed',
    ],
    [
      'the rejecting route of IPv6',
      '',
      `${ANY} 00 ${ANY} 00 ${ANY} ffffffff 00000001 00000000 00200200 lo\n`,
      'failed: there is no default route',
    ],
  ])('with %s', async (_what, v4, v6, found) => {
    await put('proc/net/route', v4);
    await put('proc/net/ipv6_route', v6);
    expect(await look({ kind: 'network' })).toBe(found);
  });
});

describe('ssh', () => {
  it('reads the greeting', async () => {
    const good = await listen(
      createServer((socket) => socket.end('Go away unless invited\r\nSSH-2.0-OpenSSH_10.0\r\n')),
    );
    expect(await look({ kind: 'ssh', port: good })).toBe('passed');
    const other = await listen(createServer((socket) => socket.end('220 mail ready\r\n')));
    expect(await look({ kind: 'ssh', port: other })).toBe(`failed: what listens on port ${other} is no SSH server`);
  });

  it('needs no more than the greeting: a real server then waits for ours', async () => {
    const port = await listen(createServer((socket) => void socket.write('SSH-2.0-OpenSSH_10.0p2 Debian-7\r\n')));
    expect(await look({ kind: 'ssh', port })).toBe('passed');
  }, 5000);

  it('wears out no welcome: a server that turns away who comes again and again sees somebody else each time', async () => {
    const seen = new Map<string, number>();
    const port = await listen(
      createServer((socket) => {
        const from = socket.remoteAddress ?? '';
        seen.set(from, (seen.get(from) ?? 0) + 1);
        if ((seen.get(from) ?? 0) > 2) socket.destroy();
        else socket.end('SSH-2.0-OpenSSH_10.0\r\n');
      }),
    );
    for (let count = 0; count < 12; count += 1) expect(await look({ kind: 'ssh', port })).toBe('passed');
  });

  it('says that nothing listens', async () => {
    const server = createServer();
    const port = await listen(server);
    await new Promise((closed) => server.close(closed));
    expect(await look({ kind: 'ssh', port })).toBe(`failed: nothing listens on port ${port}`);
  });
});

describe('disk-space', () => {
  it.each([
    ['/etc', 1, /^passed$/],
    ['/etc', 2 ** 52, /^failed: \/etc has .* left, less than 4 PiB$/],
    ['/nowhere', 1, /^failed: \/nowhere does not exist$/],
  ])('of %s with %d bytes', async (path, freeBytes, found) => {
    expect(await look({ kind: 'disk-space', path, freeBytes })).toMatch(found);
  });
});

describe('time', () => {
  const at = async (when: string): Promise<void> => {
    await rm(test.root, { recursive: true, force: true });
    test = await makeTestMachine({ host: { clock: { now: () => new Date(when) } } });
  };

  it('is no time before there were images', async () => {
    await at('1970-01-01T00:00:10Z');
    expect(await look({ kind: 'time' })).toBe('failed: the clock shows 1970-01-01');
  });

  it('says where it cannot know whether it is synchronised', async () => {
    await at('2040-01-01T00:00:00Z');
    expect(await look({ kind: 'time' })).toBe('passed: whether the clock is synchronised cannot be told here');
  });

  it.each([
    ['yes', 'passed'],
    ['no', 'failed: the clock is not synchronised'],
  ])('asks systemd: %s', async (answer, found) => {
    await at('2040-01-01T00:00:00Z');
    await systemd({});
    await put('usr/bin/timedatectl', `#!/bin/sh\necho ${answer}\n`);
    expect(await look({ kind: 'time' })).toBe(found);
  });
});

describe('unit', () => {
  const of = (load: string, active: string, result = 'success') => ({
    'show-nginx.service': `LoadState=${load}\nActiveState=${active}\nSubState=x\nResult=${result}\n`,
  });
  it.each([
    [of('loaded', 'active'), 'passed'],
    [of('loaded', 'failed', 'exit-code'), 'failed: unit nginx.service is failed (exit-code)'],
    [of('loaded', 'activating'), 'failed: unit nginx.service is activating'],
    [of('not-found', 'inactive'), 'failed: there is no unit nginx.service'],
  ])('%#', async (answers, found) => {
    await systemd(answers);
    expect(await look({ kind: 'unit', unit: 'nginx.service' })).toBe(found);
  });

  it('is a service of OpenRC where that is there', async () => {
    await put('sbin/rc-service', '#!/bin/sh\n[ "$1 $2" = "nginx status" ] || exit 3\n');
    expect(await look({ kind: 'unit', unit: 'nginx.service' })).toBe('failed: there is no service nginx');
    await put('etc/init.d/nginx', '');
    await put('etc/init.d/cron', '');
    expect(await look({ kind: 'unit', unit: 'nginx.service' })).toBe('passed');
    expect(await look({ kind: 'unit', unit: 'cron.service' })).toBe('failed: service cron is not started');
  });

  it('fails where nobody knows units: it was asked for by name', async () => {
    expect(await look({ kind: 'unit', unit: 'a.service' })).toMatch(/^failed: there is no service manager/);
  });
});

describe('http', () => {
  const serve = async (status: number, delayMs = 0): Promise<string> => {
    const server = createHttpServer((_request, response) => {
      setTimeout(() => response.writeHead(status, { location: '/elsewhere' }).end('x'.repeat(100_000)), delayMs);
    });
    return `http://127.0.0.1:${await listen(server)}/`;
  };
  const ask = (url: string, status = 200, timeoutSeconds = 5) => look({ kind: 'http', url, status, timeoutSeconds });

  it('wants the status it was told', async () => {
    const url = await serve(503);
    expect(await ask(url)).toBe(`failed: ${url} answered 503`);
    expect(await ask(url, 503)).toBe('passed');
    expect(await ask(await serve(302), 302)).toBe('passed');
  });

  it('does not wait for ever', async () => {
    const url = await serve(200, 3000);
    expect(await ask(url, 200, 1)).toBe(`failed: ${url} did not answer within 1 s`);
  });

  it('says that nobody is there', async () => {
    expect(await ask('http://127.0.0.1:9/')).toMatch(/^failed: http:\/\/127\.0\.0\.1:9\/ does not answer/);
  });
});

describe('command', () => {
  const run = (argv: string[], timeoutSeconds = 5) => look({ kind: 'command', argv, timeoutSeconds });

  it.each([
    ['exit 0', 'passed'],
    [
      'echo loud; echo "the socket is gone" >&2; exit 3',
      'failed: /usr/bin/check now failed with exit code 3: the socket is gone',
    ],
    ['head -c 10000000 /dev/zero', 'passed'],
  ])('is run: %s', async (line, found) => {
    await put('usr/bin/check', `#!/bin/sh\n${line}\n`);
    expect(await run(['/usr/bin/check', 'now'])).toBe(found);
  });

  it('may be a line for the shell, which its failure shows', async () => {
    await mkdir(join(test.root, 'bin'));
    await symlink('/bin/sh', join(test.root, 'bin/sh'));
    expect(await run(['/bin/sh', '-c', 'test -e /never'])).toBe('failed: test -e /never failed with exit code 1');
  });

  it('is stopped when it takes too long', async () => {
    await put('usr/bin/check', '#!/bin/sh\nsleep 60\n');
    expect(await run(['/usr/bin/check'], 1)).toMatch(
      /^failed: \/usr\/bin\/check did not (?:end in time|answer within 1 s)/,
    );
  });

  it('fails when there is no such program', async () => {
    expect(await run(['no-such-program'])).toBe('failed: this system has no no-such-program');
    expect(await run(['/no/such'])).toMatch(/^failed: /);
  });
});

describe('a check that does not listen', () => {
  it('counts as failed after its time and a grace, and the others are heard', async () => {
    const never = () => new Promise<never>(() => undefined);
    await test.remove();
    test = await makeTestMachine({ host: { processes: { run: never, spawn: () => expect.fail() } } });
    await put('usr/bin/check', '');
    const stuck: HealthCheck = { kind: 'command', argv: ['/usr/bin/check'], timeoutSeconds: 1 };
    const room: HealthCheck = { kind: 'disk-space', path: '/usr', freeBytes: 0 };
    expect(await runChecks([stuck, room], test.machine, 20)).toMatchObject([
      { state: 'failed', reason: '/usr/bin/check did not answer within 1 s' },
      { state: 'passed' },
    ]);
  });
});
