import * as z from 'zod';
import { ImageReference, PackageName, RelativePath, Suite } from './values.ts';

/** One tar for every architecture, or one each. */
const Rootfs = z
  .union([
    RelativePath,
    z.strictObject({
      amd64: RelativePath.optional().meta({
        description: 'The tar for amd64, relative to the bowl.',
        examples: ['vendor-amd64.tar.zst'],
      }),
      arm64: RelativePath.optional().meta({
        description: 'The tar for arm64, relative to the bowl.',
        examples: ['vendor-arm64.tar.zst'],
      }),
    }),
  ])
  .meta({
    description: 'Root file system as a tar (plain, gz, xz, zst); a path, or one path per architecture.',
    examples: ['vendor.tar.zst', { amd64: 'vendor-amd64.tar', arm64: 'vendor-arm64.tar' }],
  });

const DebianBase = z.strictObject({
  suite: Suite,
  variant: z
    .enum(['minbase', 'important', 'standard'])
    .default('minbase')
    .meta({ description: 'Package set to start from (mmdebstrap variant).', examples: ['minbase'] }),
  packages: z
    .array(PackageName)
    .default([])
    .meta({ description: 'Packages on top of the variant.', examples: [['systemd-sysv', 'openssh-server']] }),
});

const DockerfileBase = z.strictObject({
  path: RelativePath.default('Dockerfile').meta({
    description: 'The Dockerfile, relative to the bowl.',
    examples: ['Dockerfile'],
  }),
  context: RelativePath.default('.').meta({
    description: 'Build context folder, relative to the bowl.',
    examples: ['.'],
  }),
  target: z
    .string()
    .min(1)
    .max(128)
    .optional()
    .meta({ description: 'Stage to build; the last one unless given.', examples: ['runtime'] }),
  args: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'not the name of a build argument'), z.string())
    .default({})
    .meta({
      description: 'Build arguments. Their values are not shown, yet they remain in the history of the build engine.',
      examples: [{ BASE: 'debian:trixie-slim' }],
      secret: true,
    }),
  engine: z
    .enum(['buildah', 'docker', 'podman'])
    .default('buildah')
    .meta({ description: 'Engine that executes the Dockerfile.', examples: ['buildah'] }),
});

export const Base = z
  .strictObject({
    image: ImageReference.optional(),
    dockerfile: z
      .union([RelativePath, DockerfileBase])
      .optional()
      .meta({
        description: 'A Dockerfile: its path, or path, context, target, args and engine.',
        examples: ['Dockerfile', { path: 'Dockerfile', target: 'runtime' }],
        shorthand: 'path',
      }),
    debian: DebianBase.optional().meta({
      description: 'A Debian root made by mmdebstrap.',
      examples: [{ suite: 'trixie', packages: ['systemd-sysv'] }],
    }),
    rootfs: Rootfs.optional(),
  })
  .meta({
    description: 'Where the root file system comes from: exactly one of image, dockerfile, debian, rootfs.',
    examples: [{ debian: { suite: 'trixie', packages: ['systemd-sysv', 'openssh-server'] } }],
    merge: 'replace',
  });
export type Base = z.infer<typeof Base>;

const KernelPackage = z
  .strictObject({
    suite: Suite,
    package: PackageName.meta({
      description: 'The kernel package; a meta package such as linux-image-amd64 follows its dependency.',
      examples: ['linux-image-amd64'],
    }),
  })
  .meta({
    description: 'A Debian kernel package.',
    examples: [{ suite: 'trixie', package: 'linux-image-amd64' }],
  });

export const KernelSource = z
  .union([
    z.literal('base'),
    z.strictObject({ debian: KernelPackage }),
    z.strictObject({ image: ImageReference }),
    z.strictObject({ rootfs: Rootfs }),
  ])
  .meta({
    description: "The kernel and its modules: base (the base's own), or exactly one of debian, image, rootfs.",
    examples: ['base', { debian: { suite: 'trixie', package: 'linux-image-amd64' } }],
    merge: 'replace',
  });
export type KernelSource = z.infer<typeof KernelSource>;

const FirmwarePackages = z
  .strictObject({
    suite: Suite,
    packages: z
      .array(PackageName)
      .min(1)
      .meta({ description: 'Firmware packages.', examples: [['firmware-linux-free']] }),
  })
  .meta({
    description: 'Debian firmware packages.',
    examples: [{ suite: 'trixie', packages: ['firmware-linux-free'] }],
  });

export const FirmwareSource = z
  .union([
    z.strictObject({ debian: FirmwarePackages }),
    z.strictObject({ image: ImageReference }),
    z.strictObject({ rootfs: Rootfs }),
  ])
  .meta({
    description: 'Device firmware for /usr/lib/firmware: exactly one of debian, image, rootfs.',
    examples: [{ debian: { suite: 'trixie', packages: ['firmware-linux-free'] } }],
  });
export type FirmwareSource = z.infer<typeof FirmwareSource>;
