import { join } from 'node:path';
import type { Digest } from '@bowline/host';
import { type Arch, lifecycleOfBowl, trialSeconds } from '@bowline/spec';
import { DerivedCache } from '../cache/derived-cache.ts';
import { buildInitrd } from '../initrd/build-initrd.ts';
import { GRUB_DISK_FILES } from '../seal/grub.ts';
import { commandLines, liveLabel, sealUki, UKI_FILES, type UkiRecord } from '../seal/seal-uki.ts';
import type { SealedImage } from '../seal/sealed-image.ts';
import type { Signer } from '../seal/signer.ts';
import type { Inputs } from './inputs.ts';
import type { BuildEnvironment, BuildOptions } from './options.ts';
import { stepKey, type UkiStep } from './plan.ts';
import { ROOT_FILES } from './root-record.ts';
import type { SealedRoot } from './seal-root.ts';
import type { SealedArch } from './write-outputs.ts';

/** What sealing one architecture needs. */
export interface SealArchContext {
  options: BuildOptions;
  env: BuildEnvironment;
  inputs: Inputs;
  root: SealedRoot;
  imageId: Digest;
  slotBytes: number;
  cloudConfig: string | undefined;
  signer: Signer | undefined;
}

/** Makes initrd and UKI of one architecture: with the root they are all that the outputs put together. */
export async function sealArch(arch: Arch, context: SealArchContext): Promise<SealedArch> {
  const { options, env, inputs, root } = context;
  const { bowl, cacheFolder, signal } = options;
  const toolbox = await inputs.toolbox();
  const packages = await inputs.initrdPackages(arch);
  const { kernel } = root;
  const { kernelVersion } = root.record;
  const rootKey = stepKey(root.step);
  const initrd = await env.progress.task(`${arch} initrd`, (progress) =>
    buildInitrd({
      ...inputs,
      arch,
      packages,
      kernel,
      kernelVersion,
      rootKey,
      toolbox,
      cacheFolder,
      progress,
      signal,
    }),
  );
  const step: UkiStep = {
    kind: 'uki',
    arch,
    rootHash: root.record.rootHash,
    kernelVersion,
    initrd: initrd.digest,
    name: bowl.name,
    version: bowl.version,
    imageId: context.imageId,
    kernelArguments: bowl.kernelArguments,
    cloudConfig: context.cloudConfig,
    slotBytes: context.slotBytes,
    recovery: bowl.disk.recovery,
    debug: options.debug,
    trialSeconds: trialSeconds(lifecycleOfBowl(bowl)),
    signer: context.signer?.fingerprint,
    toolbox: toolbox.digest,
  };
  const kernelPath = join(root.folder, ROOT_FILES.kernel);
  const cache = new DerivedCache(join(cacheFolder, 'derived'));
  const uki = await env.progress.task(`${arch} kernel image`, (progress) =>
    sealUki({ step, kernelPath, initrd, toolbox: inputs.toolbox, signer: context.signer, cache, progress, signal }),
  );
  const at = (name: keyof typeof UKI_FILES): string => join(uki.folder, UKI_FILES[name]);
  const { grub } = uki.record;
  const image: SealedImage = {
    arch,
    name: bowl.name,
    version: bowl.version,
    imageId: context.imageId,
    debug: step.debug,
    ...(step.signer === undefined ? {} : { signer: step.signer }),
    rootHash: step.rootHash,
    squashfs: { path: join(root.folder, ROOT_FILES.squashfs), sizeBytes: root.record.squashfsBytes },
    verity: { path: join(root.folder, ROOT_FILES.verity), sizeBytes: root.record.verityBytes },
    kernel: { path: kernelPath, sizeBytes: root.record.kernelBytes },
    kernelVersion: step.kernelVersion,
    initrd: { path: at('initrd'), ...uki.record.initrd },
    uki: { path: at('uki'), ...uki.record.uki },
    bootLoader: { path: at('bootLoader'), ...uki.record.bootLoader },
    ...(grub === undefined ? {} : { grub: grubFiles(uki.folder, grub) }),
    commandLines: commandLines(step),
    slotBytes: context.slotBytes,
    liveLabel: liveLabel(step.rootHash),
  };
  return { image, recovery: bowl.disk.recovery, tree: root.tree, kernel };
}

function grubFiles(folder: string, { boot, core }: NonNullable<UkiRecord['grub']>): NonNullable<SealedImage['grub']> {
  const at = (name: keyof typeof GRUB_DISK_FILES): string => join(folder, GRUB_DISK_FILES[name]);
  return { boot: { path: at('boot'), ...boot }, core: { path: at('core'), ...core } };
}
