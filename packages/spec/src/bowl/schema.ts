import * as z from 'zod';

const NAME = /^[a-z][a-z0-9-]{0,62}$/;
const PACKAGE = /^[A-Za-z0-9][A-Za-z0-9+._:@=~-]{0,127}$/;
const SIZE = /^[1-9][0-9]{0,6} ?(MiB|GiB|TiB)$/;

/** CPU architectures, by Debian's names. */
export const Arch = z.enum(['amd64', 'arm64']).meta({ description: 'CPU architecture.' });
export type Arch = z.infer<typeof Arch>;

/** Everything a build can put out; one file of packages/image/src/outputs each. */
export const OutputKind = z.enum(['raw', 'raw-zst', 'qcow2', 'iso', 'netboot', 'uki', 'oci']).meta({
  description:
    'What the build puts out: disk image (sparse, or zstd-compressed), qcow2, ISO, netboot files, the UKI alone, or an OCI image.',
});
export type OutputKind = z.infer<typeof OutputKind>;

const PackageName = z
  .string()
  .regex(PACKAGE, 'not a package name')
  .meta({ description: 'Name of a package, optionally name=version.' });
const Path = z.string().min(1).max(4096).meta({ description: 'Path, relative to the bowl.' });
const AbsolutePath = z
  .string()
  .max(4096)
  .regex(/^\/[^\0]+$/, 'must be an absolute path')
  .meta({ description: 'Absolute path in the image.' });
const Size = z
  .string()
  .regex(SIZE, 'a size is a number and MiB, GiB or TiB, such as "4 GiB"')
  .meta({ description: 'Size, such as "4 GiB".' });

export const Suite = z.enum(['bookworm', 'trixie', 'sid']).meta({ description: 'Debian release.' });

export const ImageReference = z
  .string()
  .min(1)
  .max(1024)
  .meta({
    description: 'Container image: registry/repository:tag or @sha256:..., oci:FOLDER[:TAG], or docker-archive:FILE.',
    examples: ['registry.example.org/base/vendor:4.2', 'oci:./vendor-image', 'docker-archive:./vendor.tar'],
  });

/** One tar for every architecture, or one each. */
const Rootfs = z.union([Path, z.strictObject({ amd64: Path.optional(), arm64: Path.optional() })]).meta({
  description: 'Root file system as a tar (plain, gz, xz, zst); a path, or one path per architecture.',
});

export const DebianBase = z.strictObject({
  suite: Suite,
  variant: z
    .enum(['minbase', 'important', 'standard'])
    .default('minbase')
    .meta({ description: 'Package set to start from (mmdebstrap variant).' }),
  packages: z.array(PackageName).default([]).meta({ description: 'Packages on top of the variant.' }),
});

export const DockerfileBase = z.strictObject({
  path: Path.default('Dockerfile'),
  context: Path.default('.').meta({ description: 'Build context folder, relative to the bowl.' }),
  target: z.string().optional().meta({ description: 'Stage to build; the last one unless given.' }),
  args: z.record(z.string(), z.string()).default({}).meta({ description: 'Build arguments.' }),
  engine: z
    .enum(['buildah', 'docker', 'podman'])
    .default('buildah')
    .meta({ description: 'Engine that executes the Dockerfile.' }),
});

export const Base = z
  .strictObject({
    image: ImageReference.optional(),
    dockerfile: z
      .union([Path, DockerfileBase])
      .optional()
      .meta({ description: 'A Dockerfile: its path, or path, context, target, args and engine.' }),
    debian: DebianBase.optional().meta({ description: 'A Debian root made by mmdebstrap.' }),
    rootfs: Rootfs.optional(),
  })
  .meta({ description: 'Where the root file system comes from: exactly one of image, dockerfile, debian, rootfs.' });
export type Base = z.infer<typeof Base>;

export const KernelSource = z
  .union([
    z.literal('base'),
    z.strictObject({ debian: z.strictObject({ suite: Suite, package: PackageName }) }),
    z.strictObject({ image: ImageReference }),
    z.strictObject({ rootfs: Rootfs }),
  ])
  .meta({ description: "The kernel and its modules: the base's own, or from a Debian package, an image or a tar." });
export type KernelSource = z.infer<typeof KernelSource>;

export const FirmwareSource = z
  .union([
    z.strictObject({ debian: z.strictObject({ suite: Suite, packages: z.array(PackageName).min(1) }) }),
    z.strictObject({ image: ImageReference }),
    z.strictObject({ rootfs: Rootfs }),
  ])
  .meta({ description: 'Device firmware for /usr/lib/firmware, from Debian packages, an image or a tar.' });
export type FirmwareSource = z.infer<typeof FirmwareSource>;

export const FileEntry = z
  .strictObject({
    path: AbsolutePath,
    content: z.string().optional().meta({ description: 'The text of the file.' }),
    source: Path.optional().meta({ description: 'A file or folder beside the bowl to copy.' }),
    symlink: z.string().optional().meta({ description: 'Makes a symbolic link to this target.' }),
    mode: z
      .string()
      .regex(/^[0-7]{3,4}$/, 'a mode is 3 or 4 octal digits, such as "0644"')
      .optional()
      .meta({ description: 'Octal mode, quoted; 0644 (folders 0755) unless given.' }),
    uid: z.int().min(0).max(4294967294).default(0),
    gid: z.int().min(0).max(4294967294).default(0),
  })
  .meta({ description: 'A file of the image: exactly one of content, source, symlink.' });
export type FileEntry = z.infer<typeof FileEntry>;

export const User = z.strictObject({
  name: z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'not a user name'),
  uid: z.int().min(1).max(4294967294).optional(),
  gecos: z
    .string()
    .regex(/^[^:\n]*$/, 'no colon, no line break')
    .default(''),
  shell: AbsolutePath.default('/bin/sh'),
  home: AbsolutePath.optional(),
  groups: z
    .array(z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/))
    .default([])
    .meta({ description: 'Further groups; those the image lacks are made.' }),
  passwordHash: z
    .string()
    .regex(/^(\$[0-9a-z]+\$[^:\n]+|[!*])$/, 'a crypt(3) hash such as $6$... or $y$..., never a plain password')
    .optional()
    .meta({ description: 'crypt(3) hash of the password; none: no password login.', secret: true }),
  sshAuthorizedKeys: z
    .array(z.string().regex(/^[^\n]+$/))
    .default([])
    .meta({ description: 'Public keys allowed to log in.' }),
});
export type User = z.infer<typeof User>;

export const UnitName = z
  .string()
  .regex(/^[A-Za-z0-9:_.\\@-]+$/, 'not a unit name')
  .meta({ description: 'systemd unit, such as ssh.service.' });

/** The document of one operating system image, after `extends` is merged and defaults are filled in. */
export const Bowl = z.strictObject({
  apiVersion: z.literal('bowline/v1').meta({ description: 'Version of this document format.' }),
  name: z
    .string()
    .regex(NAME, 'lower-case letters, digits and hyphens, starting with a letter')
    .meta({ description: 'Name of the image.' }),
  version: z
    .string()
    .regex(/^[0-9A-Za-z][0-9A-Za-z.+~_-]{0,63}$/, 'letters, digits and . + ~ _ -')
    .meta({ description: 'Version of the image, yours to choose.' }),
  description: z.string().default('').meta({ description: 'One line for people.' }),
  extends: z
    .string()
    .optional()
    .meta({ description: 'A ready bowl by name, or a bowl file by path, that this one builds on.' }),
  arch: z.array(Arch).min(1).default(['amd64']).meta({ description: 'Architectures to build.' }),
  base: Base,
  kernel: KernelSource.default('base'),
  firmware: z.array(FirmwareSource).default([]).meta({ description: 'Firmware to add.' }),
  packages: z
    .array(PackageName)
    .default([])
    .meta({ description: "Packages to install with the base's own package manager." }),
  files: z.array(FileEntry).default([]).meta({ description: 'Files to add or replace.' }),
  systemd: z
    .strictObject({
      enable: z.array(UnitName).default([]),
      disable: z.array(UnitName).default([]),
      mask: z.array(UnitName).default([]),
    })
    .prefault({})
    .meta({ description: 'Units to enable, disable or mask in the image.' }),
  kernelArguments: z
    .array(z.string().regex(/^[^\s\0"]+$/, 'one argument each, without blanks or quotes'))
    .default([])
    .meta({ description: 'Further kernel arguments, one each.' }),
  hostname: z
    .string()
    .regex(
      /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/,
      'not a host name',
    )
    .optional()
    .meta({ description: 'Host name; the name of the bowl unless given.' }),
  users: z.array(User).default([]).meta({ description: 'Users of the image.' }),
  cloudConfig: z
    .union([z.strictObject({ file: Path }), z.strictObject({ inline: z.string() })])
    .optional()
    .meta({ description: 'A #cloud-config the machine applies at boot: a file or inline text.' }),
  disk: z
    .strictObject({
      smallest: Size.default('8 GiB').meta({
        description: 'Smallest disk that must fit two slots, recovery and state.',
      }),
      slot: z
        .union([z.literal('auto'), Size])
        .default('auto')
        .meta({ description: 'Size of a root slot; auto: max(2 x root, root + 512 MiB), rounded up to 256 MiB.' }),
      recovery: z.boolean().default(true).meta({ description: 'Keep room for a recovery system of its own.' }),
    })
    .prefault({})
    .meta({ description: 'Disk sizes; the lock pins the slot size.' }),
  outputs: z.array(OutputKind).min(1).default(['raw', 'iso', 'qcow2']).meta({ description: 'What to build.' }),
  security: z.strictObject({}).prefault({}).meta({ description: 'Secure Boot and encryption; no keys are known yet.' }),
  checks: z.strictObject({}).prefault({}).meta({ description: 'Health checks of the machine; no keys are known yet.' }),
});
export type Bowl = z.infer<typeof Bowl>;
