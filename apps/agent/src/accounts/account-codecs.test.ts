import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeHost } from '@bowline/host';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupTable, gshadowTable, passwdTable, shadowTable } from './account-codecs.ts';

const tables = { passwdTable, groupTable, shadowTable, gshadowTable };
const toText = (table: { toBytes(): Uint8Array }) => Buffer.from(table.toBytes()).toString();

const name = fc.stringMatching(/^[a-z_][a-z0-9_-]{0,15}$/);
const id = fc.nat(4_294_967_294);
const field = fc
  .string({ unit: 'binary', maxLength: 20 })
  .filter((text) => !/[:\n\r\0]/.test(text) && text.isWellFormed());
const names = fc.uniqueArray(name, { maxLength: 4 });
const passwdEntry = fc.record({ name, password: field, uid: id, gid: id, gecos: field, home: field, shell: field });

describe('any account file', () => {
  it.each(Object.entries(tables))('comes out byte for byte as it went in: %s', (_name, read) => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }).map((line) => line.replaceAll('\n', ''))), (lines) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        expect(Buffer.from(read(bytes).toBytes()).equals(bytes)).toBe(true);
      }),
    );
  });

  it('comes out byte for byte even when it is no UTF-8', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        const bytes = Buffer.concat([noise, Buffer.from('\n')]);
        expect(Buffer.from(passwdTable(bytes).toBytes()).equals(bytes)).toBe(true);
      }),
    );
  });

  it('gives back every entry that is put', () => {
    fc.assert(
      fc.property(fc.uniqueArray(passwdEntry, { selector: (entry) => entry.name }), (entries) => {
        const table = passwdTable('');
        for (const entry of entries) table.put(entry);
        expect(passwdTable(table.toBytes()).entries).toEqual(entries);
      }),
    );
  });

  it('gives back groups, their secrets and passwords', () => {
    fc.assert(
      fc.property(name, field, id, names, names, (n, text, gid, members, administrators) => {
        const group = { name: n, password: text, gid, members };
        const groups = groupTable('');
        groups.put(group);
        expect(groupTable(groups.toBytes()).find(n)).toEqual(group);
        const secret = { name: n, password: text, administrators, members };
        const secrets = gshadowTable('');
        secrets.put(secret);
        expect(gshadowTable(secrets.toBytes()).find(n)).toEqual(secret);
      }),
    );
  });
});

describe('an edit', () => {
  const text =
    '# people\nroot:x:0:0:root:/root:/bin/sh\n\nbroken:line\nada:x:1:2:::\nada:x:9:9:::\n+@staff::::::\n+::::::\n';

  it('keeps comments, empty lines, what is malformed, and the order', () => {
    const table = passwdTable(text);
    table.put({ name: 'ada', password: 'x', uid: 5, gid: 2, gecos: '', home: '', shell: '' });
    expect(toText(table)).toBe(text.replace('ada:x:1:2', 'ada:x:5:2'));
  });

  it('puts what is new before the lines of NIS', () => {
    const table = passwdTable(text);
    table.put({ name: 'bob', password: 'x', uid: 7, gid: 7, gecos: '', home: '', shell: '' });
    expect(toText(table)).toBe(text.replace('+@staff', 'bob:x:7:7:::\n+@staff'));
  });

  it('of nothing new is none', () => {
    const table = passwdTable(text);
    table.put({ name: 'ada', password: 'x', uid: 1, gid: 2, gecos: '', home: '', shell: '' });
    expect(table.changed).toBe(false);
    expect(table.remove('nobody')).toBe(false);
  });

  it('replaces a broken line of the name instead of leaving two', () => {
    const table = passwdTable(text);
    table.put({ name: 'broken', password: 'x', uid: 7, gid: 7, gecos: '', home: '', shell: '' });
    expect(toText(table)).toBe(text.replace('broken:line', 'broken:x:7:7:::'));
  });

  it('removes every line of a name', () => {
    const table = passwdTable(text);
    table.remove('ada');
    expect(toText(table)).toBe(text.replace(/ada:.*\n/g, ''));
  });

  it('ends a last line that had no end', () => {
    const table = groupTable('root:x:0:');
    table.put({ name: 'app', password: 'x', gid: 900, members: ['a', 'b'] });
    expect(toText(table)).toBe('root:x:0:\napp:x:900:a,b\n');
  });

  it.each([
    ['a colon', { gecos: 'a:b' }],
    ['a line end', { home: '/a\nroot2:x:0:0::/:/bin/sh' }],
    ['a NUL', { shell: '/bin/sh\0' }],
    ['no name', { name: '' }],
    ['a name of NIS', { name: '+' }],
    ['a comment as name', { name: '#x' }],
    ['a number that is none', { uid: Number.NaN }],
    ['a negative number', { gid: -1 }],
  ])('refuses %s', (_what, part) => {
    const entry = { name: 'ada', password: 'x', uid: 1, gid: 1, gecos: '', home: '/', shell: '', ...part };
    const table = passwdTable('');
    expect(() => table.put(entry)).toThrow(expect.objectContaining({ code: 'ACCOUNT_INVALID' }));
    expect(table.changed).toBe(false);
  });
});

describe('shadow-utils', () => {
  it('finds nothing wrong with the files', async (ctx) => {
    const { processes } = nodeHost();
    const folder = await mkdtemp(join(tmpdir(), 'bowline-accounts-'));
    const passwd = passwdTable('root:x:0:0:root:/root:/bin/sh\n');
    const group = groupTable('root:x:0:\n');
    const shadow = shadowTable('root:*:20000:0:99999:7:::\n');
    const gshadow = gshadowTable('root:*::\n');
    passwd.put({ name: 'ada', password: 'x', uid: 1000, gid: 1000, gecos: 'Ada', home: '/', shell: '/bin/sh' });
    group.put({ name: 'ada', password: 'x', gid: 1000, members: ['root'] });
    gshadow.put({ name: 'ada', password: '!', administrators: [], members: ['root'] });
    const days = { lastChange: '20000', minimum: '0', maximum: '99999', warning: '7', inactive: '', expires: '' };
    shadow.put({ name: 'ada', hash: '*', ...days, reserved: '' });
    const path = (file: string) => join(folder, file);
    for (const [file, table] of Object.entries({ passwd, group, shadow, gshadow })) {
      await writeFile(path(file), table.toBytes());
    }
    try {
      const check = async (tool: string, ...files: string[]) =>
        await processes.run({ argv: [tool, '-r', ...files.map(path)], timeoutMs: 10_000, okExitCodes: [0, 1, 2, 3] });
      const checked = await check('grpck', 'group', 'gshadow').catch(() => undefined);
      if (checked === undefined) return ctx.skip('grpck is not installed');
      // Members are looked up in the passwd of this system, which has root.
      expect(checked.exitCode, checked.stderrTail).toBe(0);
      const users = await check('pwck', 'passwd', 'shadow');
      const complaints = new TextDecoder()
        .decode(users.stdout)
        .split('\n')
        .filter((line) => !/no group/.test(line));
      expect(complaints.join('\n')).not.toMatch(/invalid|duplicate|delete/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
