import { symlink as link, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bowl } from '@bowline/spec';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configureRoot } from './configure.ts';
import type { RootChange, RootReader } from './root-reader.ts';
import { parseInstallSection } from './units.ts';

/** A base root held in memory: path to text, or `-> target` for a link. */
function rootOf(files: Record<string, string>): RootReader {
  return {
    async read(path) {
      const text = files[path];
      return text === undefined || text.startsWith('-> ') ? undefined : new TextEncoder().encode(text);
    },
    list(folder) {
      const names = new Map<string, { name: string; type: 'file' | 'directory' | 'symlink'; linkname: string }>();
      for (const [path, text] of Object.entries(files)) {
        if (!path.startsWith(`${folder}/`)) continue;
        const [name = '', ...rest] = path.slice(folder.length + 1).split('/');
        const type = rest.length > 0 ? 'directory' : text.startsWith('-> ') ? 'symlink' : 'file';
        names.set(name, { name, type, linkname: type === 'symlink' ? text.slice(3) : '' });
      }
      return [...names.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    },
  };
}

const BASE = {
  'etc/passwd': 'root:x:0:0:root:/root:/bin/bash\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n',
  'etc/group': 'root:x:0:\nshadow:x:42:\nstaff:x:50:\n',
  'etc/shadow': 'root:*:19000:0:99999:7:::\n',
  'etc/ssh/sshd_config': 'Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n',
  'usr/lib/systemd/system/ssh.service':
    '[Unit]\nDescription=x\n[Install]\nWantedBy=multi-user.target\nAlias=sshd.service\n',
  'usr/lib/systemd/system/getty@.service': '[Install]\nWantedBy=getty.target\nDefaultInstance=tty1\n',
  'usr/lib/systemd/system/net.service': '[Install]\nWantedBy=a.target b.target\nWantedBy=c.target\nAlso=net.socket\n',
  'usr/lib/systemd/system/net.socket': '[Install]\nWantedBy=sockets.target\n',
  'etc/systemd/system/multi-user.target.wants/noise.service': '-> /usr/lib/systemd/system/noise.service',
  'etc/systemd/system/alias.service': '-> /usr/lib/systemd/system/noise.service',
};

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-configure-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const bowl = (fields: object): Bowl =>
  Bowl.parse({ apiVersion: 'bowline/v1', name: 'box', version: '1', base: { debian: { suite: 'trixie' } }, ...fields });
const configure = (fields: object, base: Record<string, string> = BASE): Promise<RootChange[]> =>
  configureRoot(rootOf(base), bowl(fields), folder);
const textOf = (changes: RootChange[], path: string): string | undefined => {
  const last = changes.findLast((change) => change.path === path);
  return last?.kind === 'file' ? new TextDecoder().decode(last.content) : undefined;
};
const linkOf = (changes: RootChange[], path: string): string | undefined => {
  const last = changes.findLast((change) => change.path === path);
  return last?.kind === 'symlink' ? last.target : undefined;
};

describe('host name', () => {
  it('is the name of the bowl unless given', async () => {
    expect(textOf(await configure({}), 'etc/hostname')).toBe('box\n');
    expect(textOf(await configure({ hostname: 'edge-1' }), 'etc/hosts')).toContain('127.0.1.1 edge-1\n');
  });
});

describe('users', () => {
  it('get the next free id, a group of their own, and no password login', async () => {
    const changes = await configure({ users: [{ name: 'ada' }, { name: 'bob', groups: ['staff', 'edge'] }] });
    expect(textOf(changes, 'etc/passwd')).toContain(
      'ada:x:1000:1000::/home/ada:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\n',
    );
    expect(textOf(changes, 'etc/group')).toContain('staff:x:50:bob\n');
    expect(textOf(changes, 'etc/group')).toContain('edge:x:999:bob\n');
    expect(textOf(changes, 'etc/shadow')).toContain('ada:*:20454:0:99999:7:::\n');
    expect(changes).toContainEqual({ kind: 'directory', path: 'home/ada', mode: 0o700, uid: 1000, gid: 1000 });
  });

  it('keep the lines of the base, and change an account that it has', async () => {
    const changes = await configure({
      users: [{ name: 'root', passwordHash: '$6$salt$hash', shell: '/bin/bash', home: '/root' }],
    });
    expect(textOf(changes, 'etc/passwd')).toContain('root:x:0:0::/root:/bin/bash\nsshd:x:100');
    expect(textOf(changes, 'etc/shadow')).toContain('root:$6$salt$hash:');
    expect(changes.findLast((change) => change.path === 'etc/shadow')).toMatchObject({ mode: 0o640, gid: 42 });
  });

  it('have their keys below /etc, so that a key an image drops is gone', async () => {
    const changes = await configure({ users: [{ name: 'ada', sshAuthorizedKeys: ['ssh-ed25519 AAAA ada'] }] });
    expect(textOf(changes, 'etc/ssh/authorized_keys.d/ada')).toBe('ssh-ed25519 AAAA ada\n');
    expect(textOf(changes, 'etc/ssh/sshd_config.d/10-bowline-keys.conf')).toContain('authorized_keys.d/%u');
  });

  it('get the option into sshd_config itself where it includes nothing', async () => {
    const base = { ...BASE, 'etc/ssh/sshd_config': 'AuthorizedKeysFile .ssh/authorized_keys\n' };
    const changes = await configure({ users: [{ name: 'ada', sshAuthorizedKeys: ['ssh-ed25519 AAAA'] }] }, base);
    expect(textOf(changes, 'etc/ssh/sshd_config')).toMatch(
      /^AuthorizedKeysFile \.ssh\/authorized_keys \/etc\/ssh.*\nAuthorizedKeysFile/,
    );
  });
});

describe('units', () => {
  it('are enabled by the links that their [Install] section asks for', async () => {
    const changes = await configure({
      systemd: { enable: ['ssh.service', 'net.service', 'getty@.service', 'getty@ttyS0.service'] },
    });
    expect(linkOf(changes, 'etc/systemd/system/multi-user.target.wants/ssh.service')).toBe(
      '/usr/lib/systemd/system/ssh.service',
    );
    expect(linkOf(changes, 'etc/systemd/system/sshd.service')).toBe('/usr/lib/systemd/system/ssh.service');
    expect(linkOf(changes, 'etc/systemd/system/c.target.wants/net.service')).toBeDefined();
    expect(linkOf(changes, 'etc/systemd/system/sockets.target.wants/net.socket')).toBeDefined();
    expect(linkOf(changes, 'etc/systemd/system/getty.target.wants/getty@tty1.service')).toBe(
      '/usr/lib/systemd/system/getty@.service',
    );
    expect(linkOf(changes, 'etc/systemd/system/getty.target.wants/getty@ttyS0.service')).toBe(
      '/usr/lib/systemd/system/getty@.service',
    );
  });

  it('may come from the bowl itself', async () => {
    const changes = await configure({
      files: [{ path: '/etc/systemd/system/mine.service', content: '[Install]\nWantedBy=multi-user.target\n' }],
      systemd: { enable: ['mine.service'] },
    });
    expect(linkOf(changes, 'etc/systemd/system/multi-user.target.wants/mine.service')).toBe(
      '/etc/systemd/system/mine.service',
    );
  });

  it('are disabled by removing every link to them, and masked by a link to /dev/null', async () => {
    const changes = await configure({ systemd: { disable: ['noise.service'], mask: ['apt.timer'] } });
    expect(changes).toContainEqual({
      kind: 'remove',
      path: 'etc/systemd/system/multi-user.target.wants/noise.service',
    });
    expect(changes).toContainEqual({ kind: 'remove', path: 'etc/systemd/system/alias.service' });
    expect(linkOf(changes, 'etc/systemd/system/apt.timer')).toBe('/dev/null');
  });

  it('that the base lacks are refused, with what it has', async () => {
    await expect(configure({ systemd: { enable: ['sshd.socket'] } })).rejects.toMatchObject({
      code: 'SOURCE_MISSING',
      message: expect.stringContaining('sshd.socket'),
      hint: expect.stringContaining('ssh.service'),
    });
  });

  it('[Install] is read with repeated keys, comments and clearing', () => {
    const text = '[Unit]\nWantedBy=no\n[Install]\n# WantedBy=no\nWantedBy=a\nWantedBy=\nWantedBy=b c\n';
    expect(parseInstallSection(text)).toMatchObject({ wantedBy: ['b', 'c'], defaultInstance: undefined });
  });
});

describe('files', () => {
  it('take content, links and folders, with only the execute bit of the checkout', async () => {
    await mkdir(join(folder, 'tree'));
    await writeFile(join(folder, 'tree/run'), '#!/bin/sh\n', { mode: 0o750 });
    await writeFile(join(folder, 'tree/a.conf'), 'x', { mode: 0o600 });
    await link('a.conf', join(folder, 'tree/b.conf'));
    const changes = await configure({
      files: [
        { path: '/opt/tree', source: 'tree' },
        { path: '/etc/motd', content: 'hello\n', mode: '0600', uid: 7 },
        { path: '/etc/localtime', symlink: '/usr/share/zoneinfo/UTC' },
      ],
    });
    expect(changes).toContainEqual(expect.objectContaining({ kind: 'file', path: 'opt/tree/run', mode: 0o755 }));
    expect(changes).toContainEqual(expect.objectContaining({ kind: 'file', path: 'opt/tree/a.conf', mode: 0o644 }));
    expect(linkOf(changes, 'opt/tree/b.conf')).toBe('a.conf');
    expect(changes).toContainEqual(expect.objectContaining({ kind: 'file', path: 'etc/motd', mode: 0o600, uid: 7 }));
    expect(linkOf(changes, 'etc/localtime')).toBe('/usr/share/zoneinfo/UTC');
  });

  it('that are not there are named with the file that asks for them', async () => {
    await expect(configure({ files: [{ path: '/etc/x', source: 'gone' }] })).rejects.toMatchObject({
      code: 'SOURCE_MISSING',
      message: 'files: /etc/x is to come from gone, which does not exist',
    });
  });
});
