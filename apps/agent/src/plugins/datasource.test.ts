import { access, mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readUserdata } from '../datasources/userdata.ts';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { datasource } from './datasource.ts';
import { fileText, modeOf, runPlugin, runTwice, summariesOf } from './run-plugin.testdata.ts';

const SEED = '/var/lib/cloud/seed/nocloud';
const FOLDER = '/oem/95_userdata';
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== ada';
const CONFIG = '#cloud-config\nusers: []\n';
const config = { providers: ['nocloud' as const] };

let test: TestMachine;
beforeEach(async () => {
  test = await makeTestMachine();
});
afterEach(() => test.remove());

async function seed(userdata: string | Uint8Array, metadata = 'instance-id: i-1\n'): Promise<void> {
  await mkdir(join(test.root, SEED), { recursive: true });
  await writeFile(join(test.root, SEED, 'user-data'), userdata);
  await writeFile(join(test.root, SEED, 'meta-data'), metadata);
}

function exists(path: string): Promise<boolean> {
  return access(join(test.root, path)).then(
    () => true,
    () => false,
  );
}

function mime(...parts: [type: string, body: string, ...headers: string[]][]): string {
  const bodies = parts.map(([type, body, ...headers]) => [`Content-Type: ${type}`, ...headers, '', body].join('\n'));
  return [
    'Content-Type: multipart/mixed; boundary="==B=="',
    'MIME-Version: 1.0',
    '',
    ...bodies.flatMap((body) => ['--==B==', body]),
    '--==B==--',
    '',
  ].join('\n');
}

describe('datasource: cloud-configs', () => {
  it('are kept where stages find them, readable by root only', async () => {
    await seed(CONFIG);
    expect(await runTwice(test, datasource, config)).toEqual([true, false]);
    expect(await fileText(test, `${FOLDER}/userdata.yaml`)).toBe(CONFIG);
    expect(await modeOf(test, `${FOLDER}/userdata.yaml`)).toBe('0600');
    expect(await readdir(join(test.root, FOLDER))).toEqual(['userdata.yaml']);
  });

  it('go to the folder and the name of the step', async () => {
    await seed(CONFIG);
    await runPlugin(test, datasource, { ...config, path: '/etc/cloud-data', userdata_name: 'mine.yaml' });
    expect(await fileText(test, '/etc/cloud-data/mine.yaml')).toBe(CONFIG);
  });

  it.each([
    ['gzip', gzipSync(CONFIG), CONFIG],
    ['Windows line ends', '#cloud-config\r\nusers: []\r\n', CONFIG],
    ['a byte order mark', `\ufeff${CONFIG}`, CONFIG],
    ['the header of Kairos', '#kairos-config\nusers: []\n', '#kairos-config\nusers: []\n'],
    ['a template header', `## template: jinja\n${CONFIG}`, `## template: jinja\n${CONFIG}`],
    ['no header, but stages', 'stages: {}\n', '#cloud-config\nstages: {}\n'],
    ['MIME', mime(['text/cloud-config', CONFIG.trimEnd()]), CONFIG.trimEnd()],
    [
      'MIME in base64',
      mime(['text/cloud-config', Buffer.from(CONFIG).toString('base64'), 'Content-Transfer-Encoding: base64']),
      CONFIG,
    ],
    [
      'MIME in quoted-printable',
      mime(['text/plain', '#cloud-config=0Ausers: =\n[]', 'Content-Transfer-Encoding: quoted-printable']),
      '#cloud-config\nusers: []',
    ],
  ])('are understood with %s', async (_, userdata, text) => {
    await seed(userdata);
    await runPlugin(test, datasource, config);
    expect(await fileText(test, `${FOLDER}/userdata.yaml`)).toBe(text);
  });

  it('of several parts get numbers, and other kinds of parts are named', async () => {
    await seed(mime(['text/cloud-config', '#cloud-config\na: 1'], ['text/cloud-config', 'b: 2'], ['text/jinja2', 'x']));
    const [outcome] = await runPlugin(test, datasource, config);
    expect(outcome?.note).toBe('from nocloud; not applied: text/jinja2');
    expect(await fileText(test, `${FOLDER}/userdata-2.yaml`)).toBe('#cloud-config\nb: 2');
  });

  it('that are gone from the source are removed, others are replaced', async () => {
    await seed(mime(['text/cloud-config', CONFIG], ['text/cloud-config', CONFIG]));
    await runPlugin(test, datasource, config);
    await seed('#cloud-config\nhostname: new\n');
    expect(await runTwice(test, datasource, config)).toEqual([true, false]);
    expect(await readdir(join(test.root, FOLDER))).toEqual(['userdata.yaml']);
  });

  it('stay when the source is away', async () => {
    await seed(CONFIG);
    await runPlugin(test, datasource, config);
    const [outcome] = await runPlugin(test, datasource, { providers: ['cdrom'] });
    expect(outcome).toEqual({ changed: false, note: 'no source has user data for this machine' });
    expect(await fileText(test, `${FOLDER}/userdata.yaml`)).toBe(CONFIG);
  });

  it.each<[string, string | Uint8Array, RegExp]>([
    ['prose', 'hello there', /neither a cloud-config nor a script/],
    ['an include list', '#include\nhttps://example.com/a', /include list, which is not supported/],
    ['broken YAML', '#cloud-config\nusers: [\nsecret: hunter2', /no YAML \(line/],
    ['tabs', '#cloud-config\nusers:\n\t- name: x\n', /no YAML/],
    ['bytes', Uint8Array.of(0xff, 0xfe, 0, 1, 2), /no text/],
    ['UTF-16', Buffer.from(`\ufeff${CONFIG}`, 'utf16le'), /no text/],
    ['damaged gzip', gzipSync(CONFIG).subarray(0, 20), /gzip that is damaged/],
    ['a gzip bomb', gzipSync(Buffer.alloc(20_000_000)), /unpacks to more than/],
    ['MIME without an end', mime(['text/cloud-config', CONFIG]).replace('--==B==--', ''), /cut off/],
    ['MIME without boundary', 'Content-Type: multipart/mixed\n\nx', /no boundary/],
    ['billion laughs', `#cloud-config\na: &a [x,x,x]\n${laughs()}`, /no YAML/],
  ])('are refused and change nothing: %s', async (_, userdata, message) => {
    await seed(CONFIG);
    await runPlugin(test, datasource, config);
    await seed(userdata);
    const error = await runPlugin(test, datasource, config).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'DATASOURCE_FAILED', message: expect.stringMatching(message) });
    expect(String(error)).not.toContain('hunter2');
    expect(await fileText(test, `${FOLDER}/userdata.yaml`)).toBe(CONFIG);
  });

  it('whatever bytes there are, the failure is one of ours', async () => {
    const start = fc.constantFrom(
      '',
      '#cloud-config\n',
      '#!/bin/sh\n',
      'Content-Type: multipart/mixed; boundary=b\n\n--b\n',
    );
    await fc.assert(
      fc.asyncProperty(start, fc.oneof(fc.string(), fc.uint8Array()), async (head, rest) => {
        const bytes = Buffer.concat([Buffer.from(head), Buffer.from(rest as string)]);
        await readUserdata(bytes).catch((error: unknown) => {
          expect(error).toMatchObject({ code: 'DATASOURCE_FAILED' });
        });
      }),
      { numRuns: 400 },
    );
  });
});

function laughs(): string {
  const names = 'abcdefghij'.split('');
  return names
    .slice(1)
    .map((name, at) => `${name}: &${name} [${`*${names[at]},`.repeat(9)}x]`)
    .join('\n');
}

describe('datasource: scripts', () => {
  const count = async () => ((await exists('/count')) ? (await fileText(test, '/count')).length : 0);
  const script = () => `#!/bin/sh\nprintf x >> ${test.root}/count\n`;

  it('run once for an instance', async () => {
    await seed(script());
    expect(await runTwice(test, datasource, config)).toEqual([true, false]);
    expect(await count()).toBe(1);
    await seed(script(), 'instance-id: i-2\n');
    await runPlugin(test, datasource, config);
    expect(await count()).toBe(2);
  });

  it('run once as long as they are the same where there is no instance', async () => {
    await seed(script(), '');
    expect(await runTwice(test, datasource, config)).toEqual([true, false]);
    await seed(`${script()}# changed\n`, '');
    expect(await runTwice(test, datasource, config)).toEqual([true, false]);
    expect(await count()).toBe(2);
  });

  it('run beside cloud-configs of one message, each whatever became of the others', async () => {
    await seed(
      mime(
        ['text/cloud-config', CONFIG],
        ['text/x-shellscript', '#!/bin/sh\nexit 3'],
        ['text/x-shellscript', script()],
      ),
    );
    await expect(runPlugin(test, datasource, config)).rejects.toMatchObject({
      code: 'STEP_FAILED',
      message: 'Of the 2 scripts of the user data, number 1 failed.',
    });
    expect(await count()).toBe(1);
    expect(await exists(`${FOLDER}/userdata.yaml`)).toBe(true);
    expect(await runPlugin(test, datasource, config)).toMatchObject([{ changed: false }]);
  });

  it('leave nothing behind in the folder of running data', async () => {
    await seed(script());
    await runPlugin(test, datasource, config);
    expect(await exists('/run/bowline/userdata')).toBe(false);
  });
});

describe('datasource: metadata', () => {
  it('becomes a cloud-config with host name and keys, and files for programs', async () => {
    await seed(CONFIG, `instance-id: i-1\nlocal-hostname: edge-1\npublic-keys:\n  - ${KEY}\n`);
    expect(await runTwice(test, datasource, config)).toEqual([true, false]);
    const generated = parse(await fileText(test, `${FOLDER}/00_metadata.yaml`)) as { stages: Record<string, unknown> };
    const step = { name: expect.any(String) as string, hostname: 'edge-1', authorized_keys: { root: [KEY] } };
    expect(generated.stages).toEqual({ initramfs: [step], network: [step] });
    expect(await modeOf(test, `${FOLDER}/00_metadata.yaml`)).toBe('0600');
    expect(await fileText(test, '/run/config/hostname')).toBe('edge-1\n');
    expect(await fileText(test, '/run/config/instance_id')).toBe('i-1\n');
    expect(await fileText(test, '/run/config/ssh/authorized_keys')).toBe(`${KEY}\n`);
  });

  it('gives way to a host name that the owner wrote', async () => {
    await seed('#cloud-config\nhostname: mine\n', 'local-hostname: edge-1\n');
    await runPlugin(test, datasource, config);
    expect(await exists(`${FOLDER}/00_metadata.yaml`)).toBe(false);
  });

  it.each([
    ['a host name with a template', 'local-hostname: "{{ env }}"\n', 'a host name that is none'],
    ['a host name with a line end', 'local-hostname: "a\\nb"\n', 'a host name that is none'],
    ['a key with a command', 'public-keys: [\'command="id" ssh-rsa AAAA x\']\n', 'SSH keys that are none'],
    ['a key with a template', 'public-keys: ["ssh-rsa AAAA {{ x }}"]\n', 'SSH keys that are none'],
  ])('refuses %s', async (_, metadata, why) => {
    await seed(CONFIG, metadata);
    const [outcome] = await runPlugin(test, datasource, config);
    expect(outcome?.note).toContain(why);
    expect(await exists(`${FOLDER}/00_metadata.yaml`)).toBe(false);
  });
});

describe('datasource: the step', () => {
  it('says what it will do without doing it', () => {
    expect(summariesOf(datasource, { providers: ['cdrom', 'aws'] })).toEqual([
      'get user data from cdrom, aws into /oem/95_userdata/userdata.yaml',
    ]);
  });

  it.each([
    ['a name that is a path', { ...config, userdata_name: '../x' }],
    ['a relative folder', { ...config, path: 'oem' }],
  ])('refuses %s', (_, bad) => {
    expect(() => summariesOf(datasource, bad)).toThrow(expect.objectContaining({ code: 'STEP_INVALID' }));
  });

  it('file: reads the file that path names and writes to the usual folder', async () => {
    await mkdir(dirname(join(test.root, '/opt/seed.yaml')), { recursive: true });
    await writeFile(join(test.root, '/opt/seed.yaml'), CONFIG);
    await runPlugin(test, datasource, { providers: ['file'], path: '/opt/seed.yaml' });
    expect(await fileText(test, `${FOLDER}/userdata.yaml`)).toBe(CONFIG);
    expect(await fileText(test, '/opt/seed.yaml')).toBe(CONFIG);
  });
});
