import type { OutputKind } from '@bowline/spec';
import { isoOutput } from './iso.ts';
import { netbootOutput } from './netboot.ts';
import { ociOutput } from './oci.ts';
import type { Output } from './output.ts';
import { qcow2Output } from './qcow2.ts';
import { rawOutput } from './raw.ts';
import { rawZstOutput } from './raw-zst.ts';
import { releaseOutput } from './release.ts';
import { ukiOutput } from './uki.ts';

/** Every output by its kind; a kind without one does not compile. */
export const OUTPUTS = {
  raw: rawOutput,
  'raw-zst': rawZstOutput,
  qcow2: qcow2Output,
  iso: isoOutput,
  netboot: netbootOutput,
  uki: ukiOutput,
  oci: ociOutput,
  release: releaseOutput,
} satisfies Record<OutputKind, Output>;
