import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bowlineJson } from './fixtures/cli.ts';
import { BOOT_MS, type TestMachine, withMachine } from './fixtures/machine.ts';
import { writePinnedBowl } from './fixtures/tiny-build.ts';

const isAll = process.env['BOWLINE_TEST_ALL'] === '1';
const ORIGIN = 'https://127.0.0.1:8443';
const CODE = /code +([A-Z0-9]{4}-[A-Z0-9]{4})\s/;

let folder = '';
let iso = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-install-web-'));
  if (!isAll) return;
  await writePinnedBowl(join(folder, 'bowl'), 'outputs: [iso]');
  await bowlineJson(['build', join(folder, 'bowl'), '--debug', '--out', join(folder, 'out')]);
  iso = join(folder, 'out/tiny/tiny-1-amd64.iso');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A browser that the machine has: busybox speaks TLS. The headers are those that a real one would send. */
class GuestBrowser {
  readonly #machine: TestMachine;
  #cookie = '';

  constructor(machine: TestMachine) {
    this.#machine = machine;
  }

  get(path: string): Promise<string> {
    return this.#wget(path, []);
  }

  async post<Value>(path: string, fields: object): Promise<Value> {
    const headers = [`Origin: ${ORIGIN}`, 'X-Bowline: 1', 'Content-Type: application/json'];
    return JSON.parse(await this.#wget(path, headers, JSON.stringify(fields))) as Value;
  }

  async logIn(code: string): Promise<void> {
    const form = 'Content-Type: application/x-www-form-urlencoded';
    const said = await this.#wget('/login', [`Origin: ${ORIGIN}`, form], `code=${code}`, '-S 2>&1');
    this.#cookie = /set-cookie: ([^;]+)/i.exec(said)?.[1] ?? '';
  }

  async #wget(path: string, headers: readonly string[], body?: string, more = ''): Promise<string> {
    const all = [...headers, ...(this.#cookie === '' ? [] : [`Cookie: ${this.#cookie}`])];
    const words = [
      ...all.flatMap((header) => ['--header', quote(header)]),
      ...(body === undefined ? [] : ['--post-data', quote(body)]),
    ];
    return this.#machine.ask(
      `busybox wget -q --no-check-certificate ${words.join(' ')} -O - ${ORIGIN}${path} ${more} || true`,
    );
  }
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

async function until<Value>(work: () => Promise<Value | undefined>): Promise<Value> {
  for (const end = Date.now() + BOOT_MS; Date.now() < end; ) {
    const found = await work();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 2_000));
  }
  throw new Error('it took too long');
}

describe('a live system', () => {
  it.skipIf(!isAll)(
    'shows a code on its console, and is installed from a browser with it; the disk then starts',
    async (ctx) => {
      const disk = join(folder, 'disk.raw');
      const request = { imagePath: iso, snapshot: true, disks: [{ path: disk }] };
      await withMachine(ctx, request, async (machine) => {
        await machine.waitFor(/tiny: started/, BOOT_MS);
        await machine.ask('ip link set lo up');
        await until(async () => CODE.exec(machine.console())?.[1]);
        const browser = new GuestBrowser(machine);
        expect(await browser.get('/')).toContain('Code on the console of the machine');
        expect(await browser.get('/api/machine')).toContain('401 Unauthorized');
        await browser.logIn(CODE.exec(machine.console())?.[1] ?? '');

        const { disks } = JSON.parse(await browser.get('/api/machine')) as {
          disks: { path: string; unfit?: string }[];
        };
        const target = disks.find(({ unfit }) => unfit === undefined)?.path ?? '';
        const config = '#cloud-config\nhostname: from-the-browser\n';
        const reviewed = await browser.post<{ id: string; plan: object }>('/api/plan', { disk: target, config });
        expect(reviewed.plan).toMatchObject({ disk: { path: target }, erased: [], system: { name: 'tiny' } });
        await browser.post('/api/install', { id: reviewed.id, confirmation: '' });
        const job = await until(async () => {
          const { job: now } = JSON.parse(await browser.get('/api/machine')) as { job: { state: string } };
          return now.state === 'running' ? undefined : now;
        });
        expect(job).toMatchObject({ state: 'done', disk: target, result: { warnings: [] } });
        expect(machine.console()).not.toMatch(/cookie|passwd/i);
      });
      await withMachine(ctx, { imagePath: disk, snapshot: true }, async (machine) => {
        await machine.waitFor(/from-the-browser login:/, BOOT_MS);
      });
    },
  );
});
