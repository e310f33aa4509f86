import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { UserStep } from '@bowline/spec';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { ensureEntities } from '../plugins/ensure-entities.ts';
import { users } from '../plugins/users.ts';
import { reportAccounts } from './account-report.ts';
import { IDENTITY_LEDGER_FILE } from './identity-ledger.ts';
import { PASSWORD_RECORD_FILE, PROVISIONED_FILE } from './password-records.ts';
import { type RestoredIdentity, restoreIdentity } from './restore.ts';
import { notePasswordsOfStage, savePasswords, snapshotPasswords } from './save-passwords.ts';

const IMAGE = {
  '/etc/passwd': 'root:x:0:0:root:/root:/bin/sh\napp:x:100:101::/srv/app:/bin/sh\n',
  '/etc/group': 'root:x:0:\napp:x:101:\nadmin:x:117:\n',
  '/etc/shadow': 'root:$6$image$one:20000:0:99999:7:::\napp:!:20000::::::\n',
};

let test: TestMachine;
beforeEach(async () => {
  test = await makeTestMachine({ files: IMAGE });
});
afterEach(() => test.remove());

const at = (path: string) => join(test.root, path);
const text = (path: string) => readFile(at(path), 'utf8');
const hashOf = async (name: string) =>
  (await text('/etc/shadow'))
    .split('\n')
    .find((l) => l.startsWith(`${name}:`))
    ?.split(':')[1];

/** `/etc` is made anew from the image and `/run` is empty; the stages then run with the configuration. */
async function start(
  config: Record<string, UserStep> = {},
  image: Record<string, string> = IMAGE,
): Promise<RestoredIdentity> {
  const { rm } = await import('node:fs/promises');
  for (const [path, content] of Object.entries({ ...IMAGE, ...image })) await writeFile(at(path), content);
  await rm(at('/run'), { recursive: true, force: true });
  const restored = await restoreIdentity(test.machine);
  await stage(config);
  return restored;
}
async function stage(config: Record<string, UserStep>): Promise<void> {
  for (const action of users.actions(config, {})) await action.run(test.machine);
}
async function changeOnMachine(name: string, hash: string): Promise<void> {
  const shadow = await text('/etc/shadow');
  await writeFile(
    at('/etc/shadow'),
    shadow.replace(new RegExp(`^${name}:[^:]*:[^:]*`, 'm'), () => `${name}:${hash}:20500`),
  );
}
const ada = (passwd?: string, more: UserStep = {}): Record<string, UserStep> => ({
  ada: { no_create_home: true, ...(passwd === undefined ? {} : { passwd }), ...more },
});

describe('a password of the image', () => {
  it('that was changed on the machine is there again after a start, with its day', async () => {
    await start();
    await changeOnMachine('root', '$6$machine$two');
    expect(await savePasswords(test.machine)).toEqual({ kept: ['root'], forgotten: [] });
    expect((await start()).passwords).toEqual(['root']);
    expect(await text('/etc/shadow')).toContain('root:$6$machine$two:20500:0:99999:7:::\n');
  });

  it('stays for as many starts as there are', async () => {
    await start();
    await changeOnMachine('root', '$6$machine$two');
    for (let count = 0; count < 3; count += 1) {
      await savePasswords(test.machine);
      await start();
      expect(await hashOf('root')).toBe('$6$machine$two');
    }
  });

  it('gives way to that of a newer image which has another', async () => {
    await start();
    await changeOnMachine('root', '$6$machine$two');
    await savePasswords(test.machine);
    await start({}, { '/etc/shadow': 'root:$6$image$NEW:20000:0:99999:7:::\n' });
    expect(await hashOf('root')).toBe('$6$image$NEW');
  });

  it('that was changed back needs no record', async () => {
    await start();
    await changeOnMachine('root', '$6$machine$two');
    await savePasswords(test.machine);
    await changeOnMachine('root', '$6$image$one');
    await savePasswords(test.machine);
    expect(await text(PASSWORD_RECORD_FILE)).not.toContain('root');
  });

  it('that was locked on the machine stays locked', async () => {
    await start();
    await changeOnMachine('root', '!$6$image$one');
    await savePasswords(test.machine);
    await start();
    expect(await hashOf('root')).toBe('!$6$image$one');
  });
});

describe('a password of the configuration', () => {
  it.each(['$6$config$one', 'plain text'])('gives way to that of the machine while it stays %j', async (passwd) => {
    await start(ada(passwd));
    await changeOnMachine('ada', '$6$machine$two');
    await savePasswords(test.machine);
    await start(ada(passwd));
    expect(await hashOf('ada')).toBe('$6$machine$two');
    await start(ada(passwd));
    expect(await hashOf('ada')).toBe('$6$machine$two');
  });

  it('wins when it changes', async () => {
    await start(ada('$6$config$one'));
    await changeOnMachine('ada', '$6$machine$two');
    await savePasswords(test.machine);
    await start(ada('$6$config$three'));
    expect(await hashOf('ada')).toBe('$6$config$three');
    await savePasswords(test.machine);
    await start(ada('$6$config$three'));
    expect(await hashOf('ada')).toBe('$6$config$three');
  });

  it('is not put back by a stage that runs again on the running machine', async () => {
    await start(ada('$6$config$one'));
    await changeOnMachine('ada', '$6$machine$two');
    await stage(ada('$6$config$one'));
    expect(await hashOf('ada')).toBe('$6$machine$two');
  });

  it('that is locked stays locked, whatever happened on the machine', async () => {
    await start(ada(undefined, { lock_passwd: true }));
    await changeOnMachine('ada', '$6$machine$two');
    await savePasswords(test.machine);
    await start(ada(undefined, { lock_passwd: true }));
    expect(await hashOf('ada')).toBe('!');
  });

  it('that is none can be given on the machine', async () => {
    await start(ada());
    expect(await hashOf('ada')).toBe('*');
    await changeOnMachine('ada', '$6$machine$two');
    await savePasswords(test.machine);
    await start(ada());
    expect(await hashOf('ada')).toBe('$6$machine$two');
  });

  it('has the same hash and day at each start', async () => {
    await start(ada('plain text'));
    const first = await text('/etc/shadow');
    await savePasswords(test.machine);
    await start(ada('plain text'));
    expect(await text('/etc/shadow')).toBe(first);
  });

  it('for a user of the image is no longer kept when the configuration drops it', async () => {
    await start({ root: { passwd: '$6$config$one' } });
    await savePasswords(test.machine);
    await start();
    expect(await hashOf('root')).toBe('$6$image$one');
  });

  it('that an entity gives is treated alike', async () => {
    const entity = { entity: 'kind: shadow\nusername: root\npassword: secret\nlast_changed: now\n' };
    const run = async () => {
      for (const action of ensureEntities.actions([entity], {})) await action.run(test.machine);
    };
    await start();
    await run();
    const given = await hashOf('root');
    expect(given).toMatch(/^\$6\$/);
    await savePasswords(test.machine);
    await start();
    await run();
    expect(await hashOf('root')).toBe(given);
    await changeOnMachine('root', '$6$machine$two');
    await run();
    expect(await hashOf('root')).toBe('$6$machine$two');
    await savePasswords(test.machine);
    await start();
    await run();
    expect(await hashOf('root')).toBe('$6$machine$two');
  });

  it('that a command sets is no change on the machine', async () => {
    await start();
    const before = await snapshotPasswords(test.machine);
    await changeOnMachine('root', '$6$random$each-time');
    await notePasswordsOfStage(test.machine, before);
    expect(await savePasswords(test.machine)).toEqual({ kept: [], forgotten: [] });
    await start();
    expect(await hashOf('root')).toBe('$6$image$one');
  });
});

describe('what is kept of passwords', () => {
  it('is for root alone, and never plain text', async () => {
    await start(ada('plain text'));
    await savePasswords(test.machine);
    for (const path of [PASSWORD_RECORD_FILE, PROVISIONED_FILE]) {
      expect((await stat(at(path))).mode & 0o777).toBe(0o600);
      expect(await text(path)).not.toContain('plain text');
    }
  });

  it('is not needed: without it the configuration counts', async () => {
    await start(ada('$6$config$one'));
    await writeFile(at(PASSWORD_RECORD_FILE), 'garbage {');
    await start(ada('$6$config$one'));
    expect(await hashOf('ada')).toBe('$6$config$one');
  });

  it('does not hold users that were made by hand; that is told', async () => {
    await start();
    await writeFile(at('/etc/shadow'), `${await text('/etc/shadow')}eve:$6$x$y:20000::::::\n`);
    await writeFile(at('/etc/passwd'), `${await text('/etc/passwd')}eve:x:1000:1000::/home/eve:/bin/sh\n`);
    expect((await savePasswords(test.machine)).forgotten).toEqual(['eve']);
    const report = await reportAccounts(test.machine);
    expect(report.transient).toEqual(['eve']);
    expect(report.warnings.join()).toContain('eve is not in the configuration');
  });

  it('is nothing before the first stage', async () => {
    expect(await savePasswords(test.machine)).toEqual({ kept: [], forgotten: [] });
  });
});

describe('the ledger', () => {
  it('notes the names of the image, once', async () => {
    expect((await start()).added).toBe(5);
    expect((await start()).added).toBe(0);
    expect(JSON.parse(await text(IDENTITY_LEDGER_FILE))).toMatchObject({
      users: { app: { id: 100, source: 'image' } },
      groups: { admin: { id: 117, source: 'image' } },
    });
  });

  it('tells which names moved, and keeps the number that files belong to', async () => {
    await start();
    const image = { '/etc/passwd': IMAGE['/etc/passwd'].replace(':100:', ':102:') };
    const restored = await start({}, image);
    expect(restored.moved).toEqual([{ kind: 'user', name: 'app', before: 100, now: 102 }]);
    expect(restored.warnings).toEqual([
      'user app has the number 102 in this image and had 100: files of 100 are no longer its own',
    ]);
    expect(JSON.parse(await text(IDENTITY_LEDGER_FILE)).users.app.id).toBe(100);
  });

  it('that is broken is set aside, and told', async () => {
    await start();
    await writeFile(at(IDENTITY_LEDGER_FILE), '{"version":1,"users":{"a":{"id":"0; rm"}}}');
    const restored = await start();
    expect(restored.warnings[0]).toContain('was set aside');
    expect(restored.added).toBe(5);
    expect(await text(`${IDENTITY_LEDGER_FILE}.unreadable`)).toContain('rm');
  });

  it('gives a user another number when an image took the one it had, and says so', async () => {
    await start(ada());
    const image = { '/etc/passwd': `${IMAGE['/etc/passwd']}web:x:1000:1000::/:/bin/sh\n` };
    for (const [path, content] of Object.entries(image)) await writeFile(at(path), content);
    const [action] = users.actions(ada(), {});
    const outcome = await action?.run(test.machine);
    expect(outcome?.note).toContain('user ada had the number 1000, which web of the image has now: it became 1001');
  });
});

describe('the report', () => {
  const LOCKED = { '/etc/shadow': 'root:*:1::::::\n' };
  const bob = { bob: { no_create_home: true, groups: ['admin'] } };
  const warning = async () => (await reportAccounts(test.machine)).warnings[0];

  it('warns when nobody is administrator', async () => {
    await writeFile(at('/etc/shadow'), LOCKED['/etc/shadow']);
    await start(ada(), LOCKED);
    expect(await warning()).toMatch(/nobody can become administrator.* no user is in the group/);
  });

  it('warns when administrators have no program that makes them one', async () => {
    await start(bob, LOCKED);
    expect(await warning()).toMatch(/nobody can become administrator.* neither sudo nor doas/);
    await mkdir(at('/usr/bin'), { recursive: true });
    await writeFile(at('/usr/bin/sudo'), '#!/bin/sh\n', { mode: 0o755 });
    expect(await reportAccounts(test.machine)).toMatchObject({ administrators: ['bob'], warnings: [] });
  });

  it('says nothing when a key lets root in', async () => {
    await start(bob, LOCKED);
    await mkdir(at('/root/.ssh'), { recursive: true });
    await writeFile(at('/root/.ssh/authorized_keys'), '# none yet\n');
    expect(await warning()).toContain('nobody');
    await writeFile(at('/root/.ssh/authorized_keys'), 'ssh-ed25519 AAAA root\n');
    expect(await warning()).toBeUndefined();
  });
});
