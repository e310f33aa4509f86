import * as z from 'zod';
import { DURATION_PATTERN } from '../duration.ts';
import { SIZE_PATTERN } from '../size.ts';

const PACKAGE = /^[A-Za-z0-9][A-Za-z0-9+._:@=~-]{0,127}$/;

/** CPU architectures, by Debian's names. */
export const Arch = z.enum(['amd64', 'arm64']).meta({
  description: 'CPU architecture.',
  examples: ['amd64'],
  aliases: { x86_64: 'amd64', 'x86-64': 'amd64', x64: 'amd64', aarch64: 'arm64', armv8: 'arm64' },
});
export type Arch = z.infer<typeof Arch>;

/** Everything a build can put out; one file of packages/image/src/outputs each. */
export const OutputKind = z.enum(['raw', 'raw-zst', 'qcow2', 'iso', 'netboot', 'uki', 'oci', 'release']).meta({
  description:
    'What the build puts out: disk image (sparse, or zstd-compressed), qcow2, ISO, netboot files, the UKI alone, an OCI image, or a release that machines upgrade from.',
  examples: ['raw', 'iso'],
  aliases: {
    img: 'raw',
    disk: 'raw',
    'raw.zst': 'raw-zst',
    pxe: 'netboot',
    docker: 'oci',
    container: 'oci',
    efi: 'uki',
    upgrade: 'release',
  },
});
export type OutputKind = z.infer<typeof OutputKind>;

export const PackageName = z
  .string()
  .regex(PACKAGE, 'not a package name')
  .meta({ description: 'Name of a package, optionally name=version.', examples: ['openssh-server'] });

/** Text without NUL; where the bowl came from another folder, the loader has already rewritten it. */
export const RelativePath = z
  .string()
  .min(1)
  .max(4096)
  .meta({ description: 'Path, relative to the bowl.', examples: ['files/motd'], relative: 'path' });

export const AbsolutePath = z
  .string()
  .max(4096)
  .regex(
    /^(\/(?!\.{1,2}(\/|$))[^/\0]+)+$/,
    'must be an absolute path without "..", "//" or a slash at the end, such as /etc/motd',
  )
  .meta({ description: 'Absolute path in the image.', examples: ['/etc/motd'] });

export const Size = z
  .string()
  .regex(SIZE_PATTERN, 'a size is a whole number and MiB, GiB or TiB, such as "4 GiB"')
  .meta({ description: 'Size, such as "4 GiB".', examples: ['4 GiB'] });

export const Duration = z
  .string()
  .regex(DURATION_PATTERN, 'a time span is a whole number and s, m or h, at most 24h, such as "10m"')
  .meta({ description: 'Time span, such as "10m".', examples: ['10m'] });

export const Suite = z.enum(['bookworm', 'trixie', 'sid']).meta({
  description: 'Debian release.',
  examples: ['trixie'],
  aliases: { '12': 'bookworm', '13': 'trixie', stable: 'trixie', oldstable: 'bookworm', unstable: 'sid' },
});

export const ImageReference = z
  .string()
  .min(1)
  .max(1024)
  .regex(/^\S+$/, 'an image reference has no blanks')
  .meta({
    description: 'Container image: registry/repository:tag or @sha256:..., oci:FOLDER[:TAG], or docker-archive:FILE.',
    examples: ['registry.example.org/base/vendor:4.2', 'oci:./vendor-image', 'docker-archive:./vendor.tar'],
    relative: 'reference',
  });

export const UnitName = z
  .string()
  .max(255)
  .regex(
    /^[A-Za-z0-9:_.\\@-]+\.(service|socket|device|mount|automount|swap|target|path|timer|slice|scope)$/,
    'not the name of a unit with its type, such as ssh.service',
  )
  .meta({ description: 'systemd unit, such as ssh.service.', examples: ['ssh.service'] });
