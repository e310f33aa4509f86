import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeFat, makeIso, plugDisk } from '../disk/disc-images.testdata.ts';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { type Answer, askDatasources } from './ask.ts';
import type { DatasourceName } from './datasource.ts';
import { ENDPOINTS, type Endpoints } from './endpoints.ts';
import { type MetadataServer, type ServerAnswer, startMetadataServer } from './metadata-server.testdata.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== ada@example';
const CONFIG = '#cloud-config\nusers: []\n';

let test: TestMachine;
let server: MetadataServer | undefined;
beforeEach(async () => {
  test = await makeTestMachine();
});
afterEach(async () => {
  await test.remove();
  await server?.stop();
  server = undefined;
});

async function put(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  await mkdir(dirname(join(test.root, path)), { recursive: true });
  await writeFile(join(test.root, path), content, { mode });
}

function pointAll(url: string): Endpoints {
  return Object.fromEntries(Object.keys(ENDPOINTS).map((name) => [name, url])) as unknown as Endpoints;
}

async function ask(
  names: DatasourceName | readonly DatasourceName[],
  answers: Record<string, ServerAnswer> = {},
  more: { path?: string; timeoutMs?: number } = {},
): Promise<Answer | undefined> {
  server = await startMetadataServer(answers);
  const list = typeof names === 'string' ? [names] : names;
  const options = { endpoints: pointAll(server.url), retryPauseMs: 1, timeoutMs: more.timeoutMs ?? 10_000 };
  return askDatasources(test.machine, list, more.path, options);
}

function readable(answer: Answer | undefined) {
  const { userdata, metadata } = answer?.data ?? {};
  return { userdata: userdata && Buffer.from(userdata).toString('utf8'), ...metadata };
}

const wanted = { userdata: CONFIG, instanceId: 'i-1', hostname: 'edge-1', sshKeys: [KEY] };
const withToken =
  (answer: ServerAnswer): ServerAnswer =>
  ({ headers }) =>
    headers['x-aws-ec2-metadata-token'] === 'T0ken' ? answer : 401;
const withHeader =
  (name: string, value: string, answer: ServerAnswer): ServerAnswer =>
  ({ headers }) =>
    headers[name] === value ? answer : 403;

const clouds: [DatasourceName, Record<string, ServerAnswer>][] = [
  [
    'aws',
    {
      'PUT /latest/api/token': ({ headers }) =>
        headers['x-aws-ec2-metadata-token-ttl-seconds'] === undefined ? 400 : 'T0ken',
      '/latest/user-data': withToken(CONFIG),
      '/latest/meta-data/instance-id': withToken('i-1'),
      '/latest/meta-data/local-hostname': withToken('edge-1'),
      '/latest/meta-data/public-keys/': withToken('0=ada\n'),
      '/latest/meta-data/public-keys/0/openssh-key': withToken(`${KEY}\n`),
    },
  ],
  [
    'azure',
    {
      '/metadata/instance/compute?api-version=2021-01-01&format=json': withHeader('metadata', 'true', {
        vmId: 'i-1',
        name: 'vm',
        osProfile: { computerName: 'edge-1' },
        userData: Buffer.from(CONFIG).toString('base64'),
        publicKeys: [{ keyData: KEY, path: '/home/ada/.ssh/authorized_keys' }],
      }),
    },
  ],
  [
    'gcp',
    {
      '/computeMetadata/v1/instance/?recursive=true&alt=json': withHeader('metadata-flavor', 'Google', {
        id: 'i-1',
        hostname: 'edge-1.c.project.internal',
        attributes: {
          'user-data': CONFIG,
          'ssh-keys': `ada:${KEY}\nbob:ssh-rsa AAAA google-ssh {"expireOn":"2020-01-01"}`,
        },
      }),
      '/computeMetadata/v1/project/attributes/?recursive=true&alt=json': {},
    },
  ],
  [
    'hetzner',
    {
      '/hetzner/v1/metadata/instance-id': 'i-1',
      '/hetzner/v1/metadata/hostname': 'edge-1',
      '/hetzner/v1/metadata/public-keys': [KEY],
      '/hetzner/v1/userdata': CONFIG,
    },
  ],
  [
    'openstack',
    {
      '/openstack/latest/meta_data.json': { uuid: 'i-1', hostname: 'edge-1', public_keys: { ada: KEY } },
      '/openstack/latest/user_data': CONFIG,
    },
  ],
  ['packet', { '/metadata': { id: 'i-1', hostname: 'edge-1', ssh_keys: [KEY] }, '/userdata': CONFIG }],
  [
    'metaldata',
    {
      '/get/meta/hostname': 'edge-1',
      '/get/meta/machine-id': 'i-1',
      '/get/meta/authorized-keys': `${KEY}\n`,
      '/get/user': CONFIG,
    },
  ],
  [
    'vultr',
    {
      '/v1.json': { 'instance-v2-id': 'i-1', hostname: 'edge-1', 'public-keys': [KEY] },
      '/latest/user-data': CONFIG,
    },
  ],
  [
    'digitalocean',
    { '/metadata/v1.json': { droplet_id: 'i-1', hostname: 'edge-1', public_keys: [KEY], user_data: CONFIG } },
  ],
];

describe('clouds', () => {
  it.each(clouds)('%s: user data, instance, name and keys', async (name, answers) => {
    const answer = await ask(name, answers);
    expect(answer?.source).toBe(name);
    const found = readable(answer);
    expect({ ...found, userdata: found.userdata?.trim() }).toEqual({ ...wanted, userdata: CONFIG.trim() });
  });

  it('scaleway: user data only for a source port of root', async (ctx) => {
    if (process.getuid?.() !== 0) ctx.skip('only root has source ports below 1024');
    const answer = await ask('scaleway', {
      '/conf?format=json': { id: 'i-1', hostname: 'edge-1', ssh_public_keys: [{ key: KEY }] },
      '/user_data/cloud-init': ({ socket }) => ((socket.remotePort ?? 0) < 1024 ? CONFIG : 403),
    });
    expect(readable(answer)).toEqual(wanted);
  });

  it('a cloud without user data still has its metadata', async () => {
    const answer = await ask('openstack', { '/openstack/latest/meta_data.json': { uuid: 'i-1' } });
    expect(readable(answer)).toEqual({ userdata: undefined, instanceId: 'i-1', hostname: undefined, sshKeys: [] });
  });

  it.each<[string, ServerAnswer, RegExp]>([
    ['an error', 500, /status 500/],
    ['a refusal', 403, /status 403/],
    ['a redirect, which could lead anywhere', 302, /status 302/],
    ['no JSON', '<html>', /no JSON/],
    ['too much', 'x'.repeat(5_000_000), /more than/],
  ])('fails when a service gives %s', async (_, answer, message) => {
    await expect(ask('openstack', { '/openstack/latest/meta_data.json': answer })).rejects.toThrow(message);
  });

  it('asks again when a service is busy', async () => {
    let count = 0;
    const answer = await ask('metaldata', {
      '/get/meta/hostname': () => ((count += 1) < 3 ? 503 : 'edge-1'),
    });
    expect(answer?.data.metadata.hostname).toBe('edge-1');
  });

  it('gives up in time when a service never answers', async () => {
    await expect(ask('metaldata', { '/get/meta/hostname': 0 }, { timeoutMs: 200 })).rejects.toThrow(
      /no answer in time/,
    );
  });

  it('does not ask clouds of a list that the firmware does not name', async () => {
    expect(await ask(['aws', 'openstack', 'hetzner', 'gcp', 'azure', 'vultr'], { '/v1.json': {} })).toBeUndefined();
    expect(server?.seen).toEqual([]);
  });

  it.each<[DatasourceName, string, string]>([
    ['hetzner', 'sys_vendor', 'Hetzner'],
    ['digitalocean', 'sys_vendor', 'DigitalOcean'],
    ['vultr', 'sys_vendor', 'Vultr'],
    ['gcp', 'product_name', 'Google Compute Engine'],
    ['aws', 'bios_version', '4.11.amazon'],
    ['azure', 'chassis_asset_tag', '7783-7084-3265-9085-8269-3286-77'],
    ['openstack', 'product_name', 'OpenStack Nova'],
  ])('asks %s of a list when %s says so', async (name, field, text) => {
    await put(`/sys/class/dmi/id/${field}`, `${text}\n`);
    const others = ['file', 'nocloud'] as const;
    const answers = clouds.find(([cloud]) => cloud === name)?.[1];
    expect((await ask([...others, name, 'metaldata'], answers))?.source).toBe(name);
  });
});

describe('discs and files', () => {
  const seed = {
    'user-data': CONFIG,
    'meta-data': `instance-id: i-1\nlocal-hostname: edge-1\npublic-keys: ["${KEY}"]\n`,
  };

  it('nocloud: a disc with the label cidata, ISO 9660', async (ctx) => {
    await makeIso(ctx, await plugDisk(test.root, 'sr0', 1_000_000), { label: 'cidata', files: seed });
    expect(readable(await ask('nocloud'))).toEqual(wanted);
  });

  it('nocloud: a stick with the label CIDATA, FAT', async (ctx) => {
    await makeFat(ctx, await plugDisk(test.root, 'sda', 2_097_152), { label: 'CIDATA', files: seed, bits: 12 });
    expect(readable(await ask('nocloud'))).toEqual(wanted);
  });

  it('nocloud: the seed folder, when there is no disc', async () => {
    await put('/var/lib/cloud/seed/nocloud/user-data', CONFIG);
    await put('/var/lib/cloud/seed/nocloud/meta-data', seed['meta-data']);
    expect(readable(await ask('nocloud'))).toEqual(wanted);
  });

  it('nocloud: says what it does not apply', async () => {
    await put('/var/lib/cloud/seed/nocloud/meta-data', '');
    await put('/var/lib/cloud/seed/nocloud/network-config', 'version: 2\n');
    expect((await ask('nocloud'))?.data.ignored).toEqual(['network-config']);
  });

  it('nocloud: refuses meta-data that is no YAML', async () => {
    await put('/var/lib/cloud/seed/nocloud/meta-data', 'a: b: c: {');
    await expect(ask('nocloud')).rejects.toThrow(/meta-data is no YAML/);
  });

  it('cdrom: the label cidata, or any disc with user data at its top', async (ctx) => {
    await makeIso(ctx, await plugDisk(test.root, 'sr0', 1_000_000), { label: 'OTHER', files: { readme: 'x' } });
    expect(await ask('cdrom')).toBeUndefined();
    await server?.stop();
    await makeIso(ctx, await plugDisk(test.root, 'sr1', 1_000_000), {
      label: 'KAIROS',
      files: { 'user-data': CONFIG },
    });
    expect(readable(await ask('cdrom')).userdata).toBe(CONFIG);
  });

  it('config-drive: a volume with the label config-2', async (ctx) => {
    const files = {
      'openstack/latest/user_data': CONFIG,
      'openstack/latest/meta_data.json': JSON.stringify({ uuid: 'i-1', name: 'edge-1', public_keys: { ada: KEY } }),
    };
    await makeIso(ctx, await plugDisk(test.root, 'vdb', 1_000_000), { label: 'config-2', files });
    expect(readable(await ask('config-drive'))).toEqual(wanted);
  });

  it('a disc that is damaged is a failure, not nothing', async (ctx) => {
    const path = await plugDisk(test.root, 'sr0', 1_000_000);
    await makeIso(ctx, path, { label: 'cidata', files: seed });
    const { open } = await import('node:fs/promises');
    const handle = await open(path, 'r+');
    await handle.truncate(20 * 2048);
    await handle.close();
    await expect(ask('nocloud')).rejects.toThrow(/cut off|damaged/);
  });

  it('file: the file that path names', async () => {
    await put('/opt/userdata', CONFIG);
    expect(readable(await ask('file', {}, { path: '/opt/userdata' })).userdata).toBe(CONFIG);
    await server?.stop();
    expect(await ask('file', {}, { path: '/opt/none' })).toBeUndefined();
  });

  it('vmware: variables of the guest, in each encoding', async () => {
    const tool = [
      '#!/bin/sh',
      'case "$1" in',
      '  "info-get guestinfo.userdata") cat "$0.userdata" ;;',
      '  "info-get guestinfo.userdata.encoding") cat "$0.encoding" ;;',
      '  "info-get guestinfo.metadata") cat "$0.metadata" ;;',
      '  *) echo "No value found" >&2; exit 1 ;;',
      'esac',
    ];
    await put('/usr/bin/vmware-rpctool', `${tool.join('\n')}\n`, 0o755);
    await put('/usr/bin/vmware-rpctool.metadata', seed['meta-data']);
    for (const [encoding, text] of [
      ['', CONFIG],
      ['base64', Buffer.from(CONFIG).toString('base64')],
      ['gzip+base64', gzipSync(CONFIG).toString('base64')],
    ] as const) {
      await put('/usr/bin/vmware-rpctool.userdata', text);
      await put('/usr/bin/vmware-rpctool.encoding', encoding);
      const found = readable(await ask('vmware'));
      expect({ ...found, userdata: found.userdata?.trim() }).toEqual({ ...wanted, userdata: CONFIG.trim() });
      await server?.stop();
    }
    await put('/usr/bin/vmware-rpctool.encoding', 'rot13');
    await expect(ask('vmware')).rejects.toThrow(/encoding has a value/);
  });

  it('vmware: says which package is missing', async () => {
    await expect(ask('vmware')).rejects.toThrow(/neither vmware-rpctool nor vmtoolsd/);
  });

  it('takes the first of the list, not the quickest', async () => {
    await put('/opt/userdata', '#cloud-config\n# file\n');
    await put('/var/lib/cloud/seed/nocloud/user-data', CONFIG);
    const both = { path: '/opt/userdata' };
    expect((await ask(['nocloud', 'file'], {}, both))?.source).toBe('nocloud');
    await server?.stop();
    expect((await ask(['file', 'nocloud'], {}, both))?.source).toBe('file');
  });
});
