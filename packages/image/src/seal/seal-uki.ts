import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { composeUki, type UkiProfile } from '@bowline/formats';
import type { Digest, TaskProgress } from '@bowline/host';
import { DEBUG_TERMINAL, kernelCommandLine, repartDefinitions, type UkiMode } from '@bowline/os-layout';
import type { Arch } from '@bowline/spec';
import * as z from 'zod';
import { stepKey, type UkiStep } from '../build/plan.ts';
import type { Derived, DerivedCache } from '../cache/derived-cache.ts';
import type { Initrd } from '../initrd/build-initrd.ts';
import { machineCpio } from '../initrd/machine-cpio.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import { makeGrubImages } from './grub.ts';
import type { Signer } from './signer.ts';

/** Names in systemd's packages, by architecture. */
const EFI_NAME = { amd64: 'x64', arm64: 'aa64' } as const satisfies Record<Arch, string>;
const EFI_FOLDER = 'usr/lib/systemd/boot/efi';
const LABEL_DIGITS = 16;

export const UKI_FILES = { uki: 'uki.efi', initrd: 'initrd.img', bootLoader: 'boot.efi' } as const;

const Sized = z.strictObject({ sizeBytes: z.int().min(1) });
const UkiRecord = z.strictObject({
  uki: Sized.extend({ sha256: z.templateLiteral(['sha256:', z.string().regex(/^[0-9a-f]{64}$/)]) }),
  initrd: Sized,
  bootLoader: Sized,
  grub: z.strictObject({ boot: Sized, core: Sized }).optional(),
});
/** What the UKI step says about what it made. */
export type UkiRecord = z.infer<typeof UkiRecord>;

/** What sealing a UKI needs besides its step. */
export interface SealUkiOptions {
  step: UkiStep;
  kernelPath: string;
  initrd: Initrd;
  toolbox: () => Promise<Toolbox>;
  signer: Signer | undefined;
  cache: DerivedCache;
  progress: TaskProgress;
  signal: AbortSignal;
}

/** ISO 9660 volume ID of an image's live medium: it names the root, so that two media in one machine are not mixed up. */
export function liveLabel(rootHash: string): string {
  return `BOWLINE_${rootHash.slice(0, LABEL_DIGITS).toUpperCase()}`;
}

/** The command line of each way to start. */
export function commandLines(step: UkiStep): Record<UkiMode | 'netboot', string> {
  const common = {
    arch: step.arch,
    rootHash: step.rootHash,
    extra: step.kernelArguments,
    ...(step.debug ? { debugTerminal: DEBUG_TERMINAL[step.arch] } : {}),
  };
  return {
    disk: kernelCommandLine({ ...common, mode: 'disk' }),
    live: kernelCommandLine({ ...common, mode: 'live', liveLabel: liveLabel(step.rootHash) }),
    recovery: kernelCommandLine({ ...common, mode: 'recovery' }),
    reset: kernelCommandLine({ ...common, mode: 'reset' }),
    netboot: kernelCommandLine({ ...common, mode: 'netboot' }),
  };
}

/** Makes the UKI, its complete initrd and the boot loader of an image, or finds them in the cache. */
export async function sealUki(options: SealUkiOptions): Promise<Derived<UkiRecord>> {
  const { step, signal } = options;
  return options.cache.derive({
    key: stepKey(step),
    parse: (value) => UkiRecord.parse(value),
    signal,
    make: (folder) => writeUki(folder, options),
  });
}

async function writeUki(folder: string, options: SealUkiOptions): Promise<UkiRecord> {
  const { step, signer } = options;
  const { root } = await options.toolbox();
  const efi = (name: string): Promise<Buffer> => readFile(join(root, EFI_FOLDER, name));
  const name = EFI_NAME[step.arch];
  const initrd = Buffer.concat([machineArchive(step), await readFile(options.initrd.path)]);
  await writeFile(join(folder, UKI_FILES.initrd), initrd);
  const lines = commandLines(step);
  const unsigned = composeUki({
    stub: await efi(`linux${name}.efi.stub`),
    linux: await readFile(options.kernelPath),
    initrd,
    cmdline: lines.disk,
    osRelease: osRelease(step),
    uname: step.kernelVersion,
    profiles: profiles(lines),
  });
  const uki = signer === undefined ? unsigned : await signer.sign(unsigned);
  await writeFile(join(folder, UKI_FILES.uki), uki);
  const loader = await efi(`systemd-boot${name}.efi`);
  const bootLoader = signer === undefined ? loader : await signer.sign(loader);
  await writeFile(join(folder, UKI_FILES.bootLoader), bootLoader);
  const sha256: Digest = `sha256:${createHash('sha256').update(uki).digest('hex')}`;
  return {
    uki: { sizeBytes: uki.length, sha256 },
    initrd: { sizeBytes: initrd.length },
    bootLoader: { sizeBytes: bootLoader.length },
    ...(step.arch === 'amd64' ? { grub: await makeGrubImages(await options.toolbox(), folder, options.signal) } : {}),
  };
}

/** In the order of UKI_PROFILE. */
function profiles(lines: Record<UkiMode, string>): UkiProfile[] {
  return [
    { id: 'main', title: 'Installed system', cmdline: lines.disk },
    { id: 'live', title: 'Live system', cmdline: lines.live },
    { id: 'recovery', title: 'Recovery system', cmdline: lines.recovery },
    { id: 'reset', title: 'Installed system with its state emptied', cmdline: lines.reset },
  ];
}

function machineArchive(step: UkiStep): Uint8Array {
  return machineCpio({
    imageId: step.imageId,
    name: step.name,
    version: step.version,
    slotBytes: step.slotBytes,
    recovery: step.recovery,
    trialSeconds: step.trialSeconds,
    repartDefinitions: repartDefinitions({ arch: step.arch, slotBytes: step.slotBytes, recovery: step.recovery }),
    cloudConfig: step.cloudConfig,
    debug: step.debug,
  });
}

/** os-release(5) of the image, for the boot menu and `bootctl`. Names come from a bowl, so they hold no quotes. */
function osRelease(step: UkiStep): string {
  return [
    `NAME="${step.name}"`,
    `ID=bowline`,
    `VERSION_ID="${step.version}"`,
    `IMAGE_ID="${step.name}"`,
    `IMAGE_VERSION="${step.version}"`,
    `PRETTY_NAME="${step.name} ${step.version}"`,
    '',
  ].join('\n');
}
