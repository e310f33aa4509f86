import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import type { ContentEncoding } from '../system-file/content-encoding.ts';
import { files } from './files.ts';
import { fileText, modeOf, runPlugin, runTwice, summariesOf } from './run-plugin.testdata.ts';

let test: TestMachine;
beforeEach(async () => {
  test = await makeTestMachine({ files: { '/etc/motd': 'old\n' } });
});
afterEach(() => test.remove());

describe('files', () => {
  it('are written once, and left alone the second time', async () => {
    const config = [{ path: '/etc/motd', content: 'new\n', permissions: 0o640 }];
    expect(await runTwice(test, files, config)).toEqual([true, false]);
    expect(await fileText(test, '/etc/motd')).toBe('new\n');
    expect(await modeOf(test, '/etc/motd')).toBe('0640');
    expect((await readdir(join(test.root, '/etc'))).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it.each<[mode: number | undefined, file: string, parents: string]>([
    [undefined, '0644', '0755'],
    [0o644, '0644', '0755'],
    [0o600, '0600', '0700'],
    [0o640, '0640', '0750'],
    [0o755, '0755', '0755'],
    [0o400, '0400', '0700'],
    [0o4755, '04755', '0755'],
    [0o0, '00', '0700'],
  ])('with permissions %o have mode %s in folders of %s', async (permissions, file, parents) => {
    const config = [{ path: '/opt/a/b/file', content: 'x', ...(permissions === undefined ? {} : { permissions }) }];
    expect(await runTwice(test, files, config)).toEqual([true, false]);
    expect(await modeOf(test, '/opt/a/b/file')).toBe(file);
    expect(await modeOf(test, '/opt/a/b')).toBe(parents);
    expect(await modeOf(test, '/opt')).toBe(parents);
  });

  it('keep folders that exist as they are', async () => {
    await mkdir(join(test.root, '/etc/private'), { mode: 0o700 });
    await runPlugin(test, files, [{ path: '/etc/private/f', content: 'x', permissions: 0o644 }]);
    expect(await modeOf(test, '/etc/private')).toBe('0700');
  });

  it('that differ in mode only keep their bytes and change their mode', async () => {
    const before = await stat(join(test.root, '/etc/motd'));
    expect(await runTwice(test, files, [{ path: '/etc/motd', content: 'old\n', permissions: 0o600 }])).toEqual([
      true,
      false,
    ]);
    expect((await stat(join(test.root, '/etc/motd'))).ino).toBe(before.ino);
    expect(await modeOf(test, '/etc/motd')).toBe('0600');
  });

  it('without content are empty', async () => {
    await runPlugin(test, files, [{ path: '/etc/motd' }]);
    expect(await fileText(test, '/etc/motd')).toBe('');
  });

  const encoded = Buffer.from('hello\n').toString('base64');
  const zipped = gzipSync('hello\n');
  it.each<[encoding: ContentEncoding, content: string]>([
    ['', 'hello\n'],
    ['b64', encoded],
    ['base64', `${encoded.slice(0, 4)}\n  ${encoded.slice(4)}\n`],
    ['gz', zipped.toString('latin1')],
    ['gzip', zipped.toString('latin1')],
    ['gz+b64', zipped.toString('base64')],
    ['gz+base64', zipped.toString('base64')],
    ['gzip+b64', zipped.toString('base64')],
    ['gzip+base64', zipped.toString('base64')],
  ])('of encoding %j are decoded', async (encoding, content) => {
    await runPlugin(test, files, [{ path: '/etc/motd', content, encoding }]);
    expect(await fileText(test, '/etc/motd')).toBe('hello\n');
  });

  it('of any bytes survive base64 as they are', async () => {
    const bytes = fc.uint8Array({ maxLength: 64 }).filter((value) => !Buffer.from(value).includes('{{'));
    await fc.assert(
      fc.asyncProperty(bytes, async (value) => {
        const content = Buffer.from(value).toString('base64');
        await runPlugin(test, files, [{ path: '/etc/bytes', content, encoding: 'b64' }]);
        expect(new Uint8Array(await readFile(join(test.root, '/etc/bytes')))).toEqual(value);
      }),
      { numRuns: 40 },
    );
  });

  it.each<[what: string, content: string, encoding: 'b64' | 'gz+b64', message: RegExp]>([
    ['no base64', 'this is no base64!', 'b64', /not base64/],
    ['torn base64', 'aGVsbG8', 'b64', /not whole base64/],
    ['no gzip', encoded, 'gz+b64', /not gzip/],
    ['torn gzip', zipped.subarray(0, 12).toString('base64'), 'gz+b64', /not gzip/],
    ['a bomb', gzipSync(Buffer.alloc(65 * 2 ** 20)).toString('base64'), 'gz+b64', /more than 64 MiB/],
  ])('are refused and the old stays: %s', async (_what, content, encoding, message) => {
    const run = runPlugin(test, files, [{ path: '/etc/motd', content, encoding }]);
    await expect(run).rejects.toMatchObject({ code: 'STEP_INVALID', message: expect.stringMatching(message) });
    expect(await fileText(test, '/etc/motd')).toBe('old\n');
  });

  it.each<[what: string, content: string, encoding: ContentEncoding, text: string]>([
    ['text', 'on {{ "x86" | upper }}\n', '', 'on X86\n'],
    ['what is text once decoded', Buffer.from('{{ add 1 2 }}').toString('base64'), 'b64', '3'],
    ['no text', Buffer.from('\0{{ nonsense').toString('base64'), 'b64', '\0{{ nonsense'],
  ])('are rendered: %s', async (_what, content, encoding, text) => {
    expect(await runTwice(test, files, [{ path: '/etc/motd', content, encoding }])).toEqual([true, false]);
    expect(await fileText(test, '/etc/motd')).toBe(text);
  });

  it('with a broken template are not written, and the next one is', async () => {
    const config = [
      { path: '/etc/motd', content: '{{ nonsense' },
      { path: '/etc/issue', content: 'hi' },
    ];
    await expect(runPlugin(test, files, config)).rejects.toMatchObject({ code: expect.stringMatching(/^TEMPLATE_/) });
    expect(await fileText(test, '/etc/motd')).toBe('old\n');
    expect(await fileText(test, '/etc/issue')).toBe('hi');
  });

  it('reach through a link, relative or absolute, even to a file that is not there yet', async () => {
    await symlink('motd', join(test.root, '/etc/relative'));
    await symlink('/opt/real', join(test.root, '/etc/absolute'));
    await runPlugin(test, files, [
      { path: '/etc/relative', content: 'a' },
      { path: '/etc/absolute', content: 'b' },
    ]);
    expect(await fileText(test, '/etc/motd')).toBe('a');
    expect(await fileText(test, '/opt/real')).toBe('b');
  });

  it.each<[what: string, path: string, message: RegExp]>([
    ['a folder', '/etc', /is a folder/],
    ['a loop of links', '/etc/loop', /leads to itself/],
    ['below a file', '/etc/motd/x', /below something that is no folder/],
    ['a relative path', 'etc/motd', /no path of a file/],
    ['a NUL', '/etc/a\0b', /no path of a file/],
    ['too long a name', `/etc/${'x'.repeat(300)}`, /too long/],
    ['a device', '/etc/null', /device, pipe or socket/],
  ])('are never written to %s', async (_what, path, message) => {
    await symlink('loop', join(test.root, '/etc/loop'));
    await symlink('../'.repeat(30) + 'dev/null', join(test.root, '/etc/null'));
    await expect(runPlugin(test, files, [{ path, content: 'x' }])).rejects.toThrow(message);
  });

  it('belong to whom ownerstring names, before the numbers', async (ctx) => {
    if (process.getuid?.() !== 0) ctx.skip('only root can give files away');
    await writeFile(
      join(test.root, '/etc/passwd'),
      'root:x:0:0::/:/bin/sh\napp:x:901:902::/:/bin/sh\n7:x:903:904::/:/bin/sh\n',
    );
    await writeFile(join(test.root, '/etc/group'), 'root:x:0:\nweb:x:905:\n');
    const owners: [object, number, number][] = [
      [{ ownerstring: 'app' }, 901, 902],
      [{ ownerstring: 'app:web' }, 901, 905],
      [{ ownerstring: 'app:web', owner: 1, group: 2 }, 901, 905],
      [{ ownerstring: '7' }, 903, 904],
      [{ ownerstring: '901' }, 901, 902],
      [{ ownerstring: '950:951' }, 950, 951],
      [{ ownerstring: ':web' }, 0, 905],
      [{ owner: 1000, group: 100 }, 1000, 100],
      [{ owner: 1000 }, 1000, 0],
      [{}, 0, 0],
    ];
    for (const [spec, uid, gid] of owners) {
      expect((await runTwice(test, files, [{ path: '/etc/motd', content: 'x', ...spec }]))[1]).toBe(false);
      expect(await stat(join(test.root, '/etc/motd')), JSON.stringify(spec)).toMatchObject({ uid, gid });
    }
  });

  it.each(['nobody-here', 'root:no-such-group', 'a:b:c', '99999999999'])(
    'of the unknown owner %s are not written',
    async (ownerstring) => {
      const run = runPlugin(test, files, [{ path: '/etc/motd', content: 'x', ownerstring }]);
      await expect(run).rejects.toMatchObject({ code: 'ACCOUNT_INVALID' });
      expect(await fileText(test, '/etc/motd')).toBe('old\n');
    },
  );

  it('are announced without their content', () => {
    expect(
      summariesOf(files, [
        { path: '/etc/se\ncret', content: 'geheim', permissions: 0o600, ownerstring: 'app', encoding: 'b64' },
      ]),
    ).toEqual(['write /etc/se cret (0600, app, b64)']);
  });
});
