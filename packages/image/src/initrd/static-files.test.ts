import {
  LIVE_FILES,
  LOOP_REF,
  NETBOOT_FILES,
  RUNNING_IMAGE_FILE,
  STATE_BINDS,
  STATE_FOLDER,
  STATE_LABEL,
  STATE_OVERLAYS,
} from '@bowline/os-layout';
import { describe, expect, it } from 'vitest';
import { PROGRAMS } from './contents.ts';
import { staticFiles } from './static-files.ts';

const files = await staticFiles();
const script = (name: string): string => {
  const file = files.find(({ path }) => path === `usr/lib/bowline/${name}`);
  return file?.type === 'file' && file.data instanceof Uint8Array ? new TextDecoder().decode(file.data) : '';
};

describe("the initrd's own files", () => {
  it('makes scripts executable and nothing else, whatever the checkout says', () => {
    const modes = Object.fromEntries(files.map((file) => [file.path, file.type === 'file' ? file.mode : 0]));
    expect(modes['usr/lib/bowline/setup']).toBe(0o755);
    expect(modes['usr/lib/bowline/functions']).toBe(0o644);
    expect(modes['usr/lib/systemd/system/bowline-setup.service']).toBe(0o644);
  });

  it('agrees with the layout that the build and later programs use', () => {
    expect(script('state')).toContain(`PART_ENTRY_NAME ${STATE_LABEL} `);
    expect(script('setup')).toContain(`state=${STATE_FOLDER}\n`);
    expect(script('setup')).toContain(`for name in ${STATE_BINDS.join(' ')}; do`);
    expect(script('setup')).toContain(`for name in ${STATE_OVERLAYS.join(' ')}; do`);
    expect(script('setup')).toContain(` ${RUNNING_IMAGE_FILE}\n`);
    expect(script('live')).toContain(`--loop-ref ${LOOP_REF.root} "$folder/root.squashfs"`);
    expect(script('live')).toContain(`--loop-ref ${LOOP_REF.verity} "$folder/root.verity"`);
    expect([LIVE_FILES.root, LIVE_FILES.verity]).toEqual(['live/root.squashfs', 'live/root.verity']);
    expect([NETBOOT_FILES.root, NETBOOT_FILES.verity]).toEqual(['bowline/root.squashfs', 'bowline/root.verity']);
    expect(script('package-databases').split('\n')).toContain('var/lib/dpkg');
  });

  it('has every program its scripts call', () => {
    const known = new Set(PROGRAMS.map((path) => path.slice(path.lastIndexOf('/') + 1)));
    const builtin = new Set(
      'end . [ : break case cd continue done echo elif else esac eval exec exit export fi for if printf read return set shift then until while'.split(
        ' ',
      ),
    );
    const names = 'functions setup disk esp guard requests reset recovery state identity live emergency switch-root';
    const text = names
      .split(' ')
      .map(script)
      .join('\n')
      .replaceAll(/^\s*#.*$/gm, '');
    const own = new Set([...text.matchAll(/^([a-z_]+)\(\) \{/gm)].map((match) => match[1]));
    const calls = [
      ...text.matchAll(
        /(?:^\s*|&& |\|\| |\| |\$\(|then |else |if |until |! |exec |chroot "\$root" \/usr\/bin\/)([a-z][a-z0-9_.-]*)(?= |$)(?! *=|\))/gm,
      ),
    ];
    const missing = calls
      .map((match) => match[1] ?? '')
      .filter((name) => !known.has(name) && !builtin.has(name) && !own.has(name) && name !== 'ssh-keygen');
    expect([...new Set(missing)]).toEqual([]);
    expect(calls.length).toBeGreaterThan(50);
  });
});
