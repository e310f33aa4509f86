import { request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobView } from './install-job.ts';
import { type ServedPage, servePage } from './page-client.testdata.ts';

const CONFIG = '#cloud-config\nusers:\n  - name: ada\n    groups: [admin]\n    passwd: correct-horse-battery\n';
const SECRET = 'correct-horse-battery';

let page: ServedPage;
let cookie = '';
beforeEach(async () => {
  page = await servePage({ files: { '/oem/90-given.yaml': `#cloud-config\nhostname: given\n# ${SECRET}\n` } });
  cookie = await page.logIn();
});
afterEach(() => page.stop());

async function answerOf<Value>(path: string, fields: object): Promise<Value> {
  return JSON.parse((await page.post(path, fields, cookie)).text) as Value;
}

async function planFor(disk: string, config = CONFIG): Promise<string> {
  return (await answerOf<{ id: string }>('/api/plan', { disk, config })).id;
}

const start = (id: string, confirmation = '') => page.post('/api/install', { id, confirmation }, cookie);

/** All views of the job until it is over. */
function watch(): Promise<JobView[]> {
  return new Promise((resolve, reject) => {
    const sent = request(`${page.origin}/api/progress`, {
      headers: { cookie },
      rejectUnauthorized: false,
      agent: false,
    });
    sent.on('error', reject);
    sent.on('response', (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        const views = [...text.matchAll(/^data: (.*)\n\n/gm)].map(([, json]) => JSON.parse(json ?? '') as JobView);
        if (!['done', 'failed'].includes(views.at(-1)?.state ?? '')) return;
        response.destroy();
        resolve(views);
      });
    });
    sent.end();
  });
}

describe('a configuration', () => {
  it('is checked with line and column, by the words of validate', async () => {
    const config = '#cloud-config\nhostname: edge\nusrs:\n  - name: ada\ninstall:\n  reboot: maybe\n';
    expect(await answerOf('/api/validate', { config })).toMatchObject({
      usable: true,
      problems: [
        { line: 3, column: 1, severity: 'warning', suggestion: 'users' },
        { line: 6, column: 11, path: 'install.reboot' },
      ],
    });
  });

  it.each([
    ['no YAML', '{{{{', false],
    ['a list', '- a\n- b\n', false],
    ['one of Kubernetes', 'apiVersion: v1\nkind: Pod\n', true],
    ['nothing', '', true],
  ])('may be %s', async (_what, config, usable) => {
    expect(await answerOf('/api/validate', { config })).toMatchObject({ usable });
  });

  it('can be made from answers; the password becomes a hash', async () => {
    const answers = { hostname: 'edge-7', user: 'ada', password: 'correct horse', keys: 'github:ada\n' };
    const { config } = await answerOf<{ config: string }>('/api/first-user', answers);
    expect(config).toMatch(/^#cloud-config\nhostname: "edge-7"\nusers:\n {2}- name: "ada"\n/);
    expect(config).toContain('passwd: "$6$rounds=50000$');
    expect(config).not.toContain('correct horse');
    expect(await answerOf('/api/validate', { config })).toEqual({ usable: true, problems: [], notApplied: [] });
  });

  it('is not made from answers that cannot be used: each is said', async () => {
    const answers = { hostname: '-x', user: 'Ada', password: 'short', keys: 'ssh-rsa nonsense' };
    const { problems, config } = await answerOf<{ problems: object; config?: string }>('/api/first-user', answers);
    expect(Object.keys(problems)).toEqual(['hostname', 'user', 'password', 'keys']);
    expect(config).toBeUndefined();
    expect(JSON.stringify(problems)).not.toMatch(/short|nonsense/);
  });
});

describe('requests', () => {
  it.each<[what: string, path: string, body: string, status: number]>([
    ['no JSON', '/api/validate', 'config=1', 400],
    ['a list', '/api/validate', '[]', 400],
    ['a field that is missing', '/api/plan', '{"disk":"/dev/vda"}', 400],
    ['a field too many', '/api/validate', '{"config":"","more":""}', 400],
    ['a field that is no text', '/api/validate', '{"config":1}', 400],
    ['a field of the language', '/api/validate', '{"__proto__":{"config":""}}', 400],
    ['more than two configurations could have', '/api/validate', `{"config":"${'a'.repeat(3 * 2 ** 20)}"}`, 413],
  ])('with %s are refused', async (_what, path, body, status) => {
    const headers = { origin: page.origin, cookie, 'content-type': 'application/json', 'x-bowline': '1' };
    const answer = await page.ask(path, { method: 'POST', headers, body }).catch(() => ({ status: 413 }));
    expect(answer.status).toBe(status);
    expect((await page.ask('/api/machine', { headers: { cookie } })).status).toBe(200);
  });

  it('of all the size that is allowed are answered', async () => {
    const config = `#cloud-config\n# ${'a'.repeat(2 ** 20 - 100)}\n`;
    expect((await page.post('/api/validate', { config }, cookie)).status).toBe(200);
  });
});

describe('a plan', () => {
  it('says what will be erased, and shows nothing of the configuration but its name', async () => {
    const { text } = await page.post('/api/plan', { disk: '/dev/nvme0n1', config: CONFIG }, cookie);
    expect(JSON.parse(text)).toMatchObject({
      plan: {
        disk: { path: '/dev/nvme0n1', size: '512 GiB' },
        erased: ['esp (vfat, 512 MiB)', 'root (ext4, 480 GiB)', 'swap (16 GiB)'],
        confirmation: '/dev/nvme0n1',
        configurations: ['/oem/90-given.yaml', 'configuration'],
      },
    });
    expect(text).not.toContain(SECRET);
    expect(page.engine.wishes[0]?.configurations.map(({ text: given }) => given)).toEqual([
      expect.stringContaining(SECRET),
      CONFIG,
    ]);
  });

  it('follows what the configuration says of the installation, but for the disk', async () => {
    await planFor(
      '/dev/vda',
      '#cloud-config\ninstall:\n  device: /dev/sdb\n  auto: true\n  reboot: true\n  bundles: [{targets: [a]}]\n',
    );
    expect(page.engine.wishes).toMatchObject([{ device: '/dev/vda', after: 'reboot', unattended: false, force: true }]);
  });

  it.each([
    ['a disk that is not there', { disk: '/dev/none', config: '' }, 'DISK_INVALID'],
    ['the medium', { disk: '/dev/sda', config: '' }, 'DISK_INVALID'],
    ['a text that is no configuration', { disk: '/dev/vda', config: '- a' }, 'CONFIG_INVALID'],
  ])('is not made for %s', async (_what, fields, code) => {
    const { status, text } = await page.post('/api/plan', fields, cookie);
    expect(status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({ error: { code } });
  });
});

describe('an installation', () => {
  it('runs what was reviewed, and tells everything in order', async () => {
    expect((await start(await planFor('/dev/vda'))).status).toBe(202);
    const views = await watch();
    const sequences = views.map(({ sequence }) => sequence);
    expect(sequences).toEqual([...new Set(sequences)].toSorted((a, b) => a - b));
    const done = views.map(({ doneBytes = 0 }) => doneBytes);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    expect(views.at(-1)).toMatchObject({ state: 'done', disk: '/dev/vda', system: 'edge 1.2', secondsLeft: 0 });
    expect(views.at(-1)?.steps?.every(({ state }) => state === 'done')).toBe(true);
    expect(page.engine.ran.map(({ disk }) => disk.path)).toEqual(['/dev/vda']);
    expect((await watch()).map(({ state }) => state)).toEqual(['done']);
  });

  it.each([
    ['nothing', ''],
    ['another disk', '/dev/vda'],
    ['half of it', '/dev/nvme'],
  ])('does not erase a disk when %s was typed', async (_what, confirmation) => {
    const { status, text } = await start(await planFor('/dev/nvme0n1'), confirmation);
    expect(status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({ error: { hint: 'Type /dev/nvme0n1 to confirm.' } });
    expect(page.engine.ran).toEqual([]);
  });

  it('erases a disk whose name was typed', async () => {
    expect((await start(await planFor('/dev/nvme0n1'), ' /dev/nvme0n1\n')).status).toBe(202);
    expect((await watch()).at(-1)?.state).toBe('done');
  });

  it('is not started from a plan that was never shown', async () => {
    expect((await start('0'.repeat(32))).status).toBe(400);
  });

  it('is one at a time, and none follows one that is done', async () => {
    let release = (): void => undefined;
    page.engine.work = async (report) => {
      report(2, 5);
      await new Promise<void>((resolve) => (release = resolve));
    };
    const [first, second] = [await planFor('/dev/vda'), await planFor('/dev/vda')];
    expect((await start(first)).status).toBe(202);
    expect((await start(second)).status).toBe(409);
    expect((await page.post('/api/end', { how: 'reboot' }, cookie)).status).toBe(409);
    release();
    await watch();
    expect((await start(second)).status).toBe(409);
    expect(page.engine.ran).toHaveLength(1);
  });

  it('can be stopped, and another one started', async () => {
    page.engine.work = async (report, signal) => {
      report(2, 5);
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
    };
    await start(await planFor('/dev/vda'));
    const watched = watch();
    await page.post('/api/stop', {}, cookie);
    const last = (await watched).at(-1);
    expect(last).toMatchObject({ state: 'failed', error: { message: 'the installation was stopped' } });
    expect(last?.steps?.map(({ state }) => state)).toEqual(['done', 'done', 'failed', 'waiting', 'waiting', 'waiting']);
    page.engine.work = async () => undefined;
    expect((await start(await planFor('/dev/vda'))).status).toBe(202);
    expect((await watch()).at(-1)?.state).toBe('done');
  });

  it('that fails says why, and no log or answer has a secret', async () => {
    page.engine.work = async () => {
      throw Object.assign(new Error('EIO: i/o error, write'), { code: 'EIO' });
    };
    await start(await planFor('/dev/vda'));
    expect((await watch()).at(-1)).toMatchObject({ state: 'failed', error: { code: 'EIO' } });
    expect(page.said.join('\n')).toContain('the installation failed: EIO');
    expect(page.said.join('\n')).not.toContain(SECRET);
    for (const { code } of page.announced) expect(page.said.join('\n')).not.toContain(code);
  });

  it('ends the server when the configuration restarts the machine', async () => {
    await start(await planFor('/dev/vda', '#cloud-config\ninstall: {reboot: true}\n'));
    // There is no program in the test's machine to restart it with.
    await expect(page.outcome).resolves.toEqual({ installed: true });
    expect(page.said.join('\n')).toMatch(/this system has no reboot/);
  });

  it('is stopped with the server', async () => {
    page.engine.work = async (report, signal) => {
      report(2, 5);
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
    };
    await start(await planFor('/dev/vda'));
    await page.stop();
    await expect(page.outcome).resolves.toEqual({ installed: false });
  });

  it('goes on when who watched it has gone', async () => {
    page.engine.work = async (report) => {
      for (let count = 0; count < 20; count += 1) {
        report(2, count);
        await sleep(10);
      }
    };
    await start(await planFor('/dev/vda'));
    const sent = request(`${page.origin}/api/progress`, {
      headers: { cookie },
      rejectUnauthorized: false,
      agent: false,
    });
    sent.on('response', (response) => void response.once('data', () => response.destroy()));
    sent.on('error', () => undefined);
    sent.end();
    expect((await watch()).at(-1)?.state).toBe('done');
  });
});
