import * as z from 'zod';

const text = (description: string, example: string) => z.string().meta({ description, examples: [example] });
const flag = (description: string) => z.boolean().meta({ description, examples: [true] });
const texts = (description: string, ...example: string[]) =>
  z.array(z.string()).meta({ description, examples: [example] });
const textMap = (description: string, example: Record<string, string>) =>
  z.record(z.string(), z.string()).meta({ description, examples: [example] });

/** Permission bits as a number; documents may write 0644, 0o644 or "0644". */
export const FileMode = z
  .int()
  .min(0)
  .max(0o7777)
  .meta({ description: 'Permission bits, octal: 0644 or "0644".', examples: [0o644] });

const AccountId = z
  .int()
  .min(0)
  .max(4294967294)
  .meta({ description: 'Number of a user or group.', examples: [0] });

const owned = {
  permissions: FileMode.optional(),
  owner: AccountId.optional().meta({ description: 'Number of the owner; 0 unless given.', examples: [0] }),
  group: AccountId.optional().meta({ description: 'Number of the group; 0 unless given.', examples: [0] }),
};

const ownerstring = text('Owner by name, "user" or "user:group"; comes before owner and group.', 'app:app')
  .optional()
  .meta({ taughtAs: ['owner_string'] });

/** Permissions that are missing: a document for Kairos would get a mode that nobody can use. */
const modeUnlessGiven = (mode: string) => FileMode.optional().meta({ modeUnlessGiven: mode });

const DnsStep = z.strictObject({
  nameservers: texts('Name servers; without any, nothing is written.', '192.0.2.53').optional(),
  search: texts('Search domains.', 'example.com').optional(),
  options: texts('Resolver options.', 'rotate').optional(),
  path: text('File to write; /etc/resolv.conf unless given.', '/etc/resolv.conf').optional(),
});

const DownloadStep = z.strictObject({
  path: text('File, or folder that gets a file with the last name of the URL.', '/opt/app/tool'),
  url: text('http or https address; a template.', 'https://example.com/tool'),
  ...owned,
  permissions: modeUnlessGiven('0644'),
  ownerstring,
  timeout: z
    .int()
    .min(0)
    .optional()
    .meta({ description: 'Seconds; 0 means the default.', examples: [30] }),
});

const GitStep = z.strictObject({
  url: text('Repository.', 'https://example.com/app.git'),
  path: text('Folder of the work tree.', '/opt/app'),
  branch: text('Branch; master unless given.', 'main').optional(),
  branch_only: flag('Fetch only this branch.').optional(),
  auth: z
    .strictObject({
      username: text('User name.', 'deploy').optional(),
      password: z
        .string()
        .optional()
        .meta({ description: 'Password or token.', examples: ['***'], secret: true }),
      private_key: z
        .string()
        .optional()
        .meta({ description: 'SSH private key.', examples: ['***'], secret: true }),
      public_key: text('SSH public key of the server, as in known_hosts.', 'ssh-ed25519 AAAA...').optional(),
      insecure: flag('Do not check the key of the SSH server.').optional(),
    })
    .optional()
    .meta({ description: 'Credentials.', examples: [{ username: 'deploy' }] }),
});

const EntityStep = z.strictObject({
  path: text('File to edit; that of the kind unless given.', '/etc/passwd').optional(),
  entity: z.string().meta({
    description: 'YAML of one entry with kind: user, group, shadow or gshadow.',
    examples: ['kind: group\ngroup_name: app\ngid: 900\n'],
    secret: true,
  }),
});

const DirectoryStep = z.strictObject({
  path: text('Folder; parents are made.', '/var/lib/app'),
  ...owned,
  permissions: modeUnlessGiven('0755'),
});

export const FileStep = z.strictObject({
  path: text('File; parents are made.', '/etc/motd'),
  content: z
    .string()
    .optional()
    .meta({ description: 'The text, a template.', examples: ['Welcome.\n'], secret: true }),
  encoding: z
    .enum(['', 'b64', 'base64', 'gz', 'gzip', 'gz+b64', 'gz+base64', 'gzip+b64', 'gzip+base64'])
    .optional()
    .meta({ description: 'How content is written.', examples: ['b64'] }),
  ...owned,
  permissions: modeUnlessGiven('0644'),
  ownerstring,
});

export const UserStep = z.strictObject({
  name: text('Login name; the key of the map unless given.', 'ada').optional(),
  passwd: z
    .string()
    .optional()
    .meta({ description: 'crypt(3) hash, or a plain password.', examples: ['$6$...'], secret: true }),
  ssh_authorized_keys: texts('Public keys, github:NAME, gitlab:NAME or URLs.', 'github:ada').optional(),
  gecos: text('Comment.', 'Ada L.').optional(),
  homedir: text('Home folder; /home/NAME unless given.', '/home/ada').optional(),
  no_create_home: flag('Make no home folder.').optional(),
  primary_group: text('Primary group.', 'ada').optional(),
  groups: texts('Further groups.', 'admin').optional().meta({ separator: ',' }),
  no_user_group: flag('Make no group of the same name.').optional(),
  system: flag('A system account: low number, no home.').optional(),
  no_log_init: flag('Kept for compatibility; has no effect.').optional(),
  shell: text('Login shell.', '/bin/bash').optional(),
  lock_passwd: flag('No login by password.').optional(),
  uid: text('Number of the user.', '1000').optional(),
});
export type UserStep = z.infer<typeof UserStep>;

const TIMESYNCD_KEYS = [
  'NTP',
  'FallbackNTP',
  'RootDistanceMaxSec',
  'PollIntervalMinSec',
  'PollIntervalMaxSec',
  'ConnectionRetrySec',
  'SaveIntervalSec',
] as const;

const SystemctlStep = z.strictObject({
  enable: texts('Units to enable.', 'app.service').optional(),
  disable: texts('Units to disable.', 'app.service').optional(),
  mask: texts('Units to mask.', 'app.service').optional(),
  start: texts('Units to start.', 'app.service').optional(),
  overrides: z
    .array(
      z.strictObject({
        service: text('Unit.', 'app.service'),
        name: text('Drop-in file; override-bowline.conf unless given.', '10-memory.conf').optional(),
        content: text('Text of the drop-in.', '[Service]\nMemoryMax=1G\n'),
      }),
    )
    .optional()
    .meta({ description: 'Drop-ins.', examples: [[{ service: 'app.service', content: '[Service]\n' }]] }),
});

/** Where user data can come from. */
const DATASOURCES = [
  'aws',
  'azure',
  'gcp',
  'hetzner',
  'openstack',
  'packet',
  'metaldata',
  'scaleway',
  'vultr',
  'digitalocean',
  'vmware',
  'cdrom',
  'nocloud',
  'config-drive',
  'file',
] as const;

const DatasourceStep = z.strictObject({
  providers: z
    .array(z.enum(DATASOURCES))
    .min(1)
    .meta({ description: 'Sources to ask; the first that answers wins.', examples: [['cdrom', 'aws']] }),
  path: text(
    'Folder for what they give, /oem/95_userdata unless given; for the source file, the file.',
    '/oem/95_userdata',
  ).optional(),
  userdata_name: text('File name of the user data; userdata.yaml unless given.', 'userdata.yaml').optional(),
});

const LayoutStep = z.strictObject({
  device: z
    .strictObject({
      path: text('Disk, or script://COMMAND that prints it; comes before label.', '/dev/vda').optional(),
      label: text('Label of a file system on the disk.', 'COS_PERSISTENT').optional(),
      init_disk: flag('Write a new partition table when there is none.').optional(),
      disk_name: text('Name of the disk in a new table.', 'data').optional(),
    })
    .meta({ description: 'The disk.', examples: [{ path: '/dev/vda' }] }),
  add_partitions: z
    .array(
      z.strictObject({
        fsLabel: text('Label of the file system.', 'DATA').optional(),
        pLabel: text('Name of the partition; one that exists is left alone.', 'data').optional(),
        size: z
          .int()
          .min(0)
          .optional()
          .meta({ description: 'MiB; 0 takes the rest.', examples: [1024] }),
        filesystem: text('File system; ext2 unless given, none or noformat for a raw partition.', 'ext4').optional(),
        bootable: flag('Set the legacy boot flag.').optional(),
      }),
    )
    .optional()
    .meta({ description: 'Partitions to add.', examples: [[{ pLabel: 'data', filesystem: 'ext4' }]] }),
  expand_partition: z
    .strictObject({
      size: z
        .int()
        .min(0)
        .optional()
        .meta({ description: 'MiB; 0 takes the rest.', examples: [0] }),
    })
    .optional()
    .meta({ description: 'Grow the last partition and its file system.', examples: [{ size: 0 }] }),
});

const PackagesStep = z.strictObject({
  install: texts('Packages to install.', 'htop').optional(),
  remove: texts('Packages to remove.', 'nano').optional(),
  refresh: flag('Refresh the lists first.').optional(),
  upgrade: flag('Upgrade what is installed.').optional(),
});

const UnpackImageStep = z.strictObject({
  source: text('Image reference.', 'registry.example.com/tools:1'),
  target: text('Folder to unpack it to.', '/opt/tools'),
  platform: text('os/arch; that of the machine unless given.', 'linux/arm64').optional(),
});

/** The keys of a step that do something, in the order in which they are done. */
export const PLUGIN_KEYS = [
  'dns',
  'downloads',
  'git',
  'ensure_entities',
  'directories',
  'files',
  'commands',
  'delete_entities',
  'hostname',
  'sysctl',
  'users',
  'authorized_keys',
  'modules',
  'timesyncd',
  'systemctl',
  'environment',
  'systemd_firstboot',
  'datasource',
  'layout',
  'package_pins',
  'packages',
  'unpack_images',
] as const;
export type PluginKey = (typeof PLUGIN_KEYS)[number];

/** Everything a step of a stage can say: its name, its conditions, and what it does. */
export const Step = z.strictObject({
  name: text('Name, for messages and for after.', 'Write the banner').optional(),
  after: z
    .array(
      z.strictObject({ name: text('FILE.STEP: name or path of the file, name or number of the step.', 'base.motd') }),
    )
    .optional()
    .meta({ description: 'Steps that must run before this one.', examples: [[{ name: 'base.motd' }]] }),
  node: text('Runs only where the host name matches this RE2 expression.', '^edge-').optional(),
  if: text('Runs only when this shell command, a template, succeeds.', '[ -e /dev/vdb ]').optional(),
  only_os: text('Runs only where the name of the system (ID) matches this RE2 expression.', 'debian|ubuntu').optional(),
  only_os_version: text('Runs only where VERSION_ID matches this RE2 expression.', '^13').optional(),
  only_arch: text('Runs only where the architecture (amd64, arm64) matches this RE2 expression.', 'arm64').optional(),
  only_service_manager: text('Runs only with this service manager: systemd or openrc.', 'systemd').optional(),
  if_files: z
    .strictObject({
      any: texts('At least one of these exists.', '/etc/a').optional(),
      all: texts('All of these exist.', '/etc/a').optional(),
      none: texts('None of these exists.', '/etc/a').optional(),
    })
    .optional()
    .meta({ description: 'Runs only when these files exist, or do not.', examples: [{ any: ['/etc/a'] }] }),
  dns: DnsStep.optional().meta({
    description: 'Writes the resolver configuration.',
    examples: [{ nameservers: ['192.0.2.53'] }],
  }),
  downloads: z
    .array(DownloadStep)
    .optional()
    .meta({ description: 'Fetches files.', examples: [[{ path: '/opt/tool', url: 'https://example.com/tool' }]] }),
  git: GitStep.optional().meta({
    description: 'Clones or updates a repository.',
    examples: [{ url: 'https://example.com/app.git', path: '/opt/app' }],
  }),
  ensure_entities: z
    .array(EntityStep)
    .optional()
    .meta({
      description: 'Writes entries of passwd, group, shadow and gshadow.',
      examples: [[{ entity: 'kind: group\ngroup_name: app\n' }]],
    }),
  directories: z
    .array(DirectoryStep)
    .optional()
    .meta({ description: 'Makes folders.', examples: [[{ path: '/var/lib/app', permissions: 0o755 }]] }),
  files: z
    .array(FileStep)
    .optional()
    .meta({
      description: 'Writes files.',
      examples: [[{ path: '/etc/motd', content: 'Welcome.\n', permissions: 0o644 }]],
    }),
  commands: texts('Shell commands, templates; each runs whatever became of the others.', 'modprobe dummy').optional(),
  delete_entities: z
    .array(EntityStep)
    .optional()
    .meta({ description: 'Removes entries.', examples: [[{ entity: 'kind: group\ngroup_name: app\n' }]] }),
  hostname: text('Host name, a template.', 'edge-{{ trunc 4 .MachineID }}').optional(),
  sysctl: textMap('Kernel settings.', { 'net.ipv4.ip_forward': '1' }).optional(),
  users: z
    .record(z.string(), UserStep)
    .optional()
    .meta({ description: 'Users by name.', examples: [{ ada: { groups: ['admin'] } }] }),
  authorized_keys: z
    .record(z.string(), z.array(z.string()))
    .optional()
    .meta({ description: 'SSH keys by user.', examples: [{ ada: ['github:ada'] }] }),
  modules: texts('Kernel modules to load.', 'dummy').optional(),
  timesyncd: z
    .partialRecord(z.enum(TIMESYNCD_KEYS), z.string())
    .optional()
    .meta({ description: 'Settings of systemd-timesyncd.', examples: [{ NTP: '192.0.2.123' }] }),
  systemctl: SystemctlStep.optional().meta({
    description: 'Units to enable, disable, mask, start, or adapt.',
    examples: [{ enable: ['app.service'] }],
  }),
  environment: textMap('Variables for /etc/environment.', { EDITOR: 'vi' }).optional(),
  environment_file: text('File for environment; /etc/environment unless given.', '/etc/environment').optional(),
  systemd_firstboot: textMap('Settings of systemd-firstboot(1).', { locale: 'C.UTF-8' }).optional(),
  datasource: DatasourceStep.optional().meta({
    description: 'Asks where the machine runs for user data.',
    examples: [{ providers: ['cdrom'] }],
  }),
  layout: LayoutStep.optional().meta({
    description: 'Adds partitions, grows the last one.',
    examples: [{ device: { path: '/dev/vdb' } }],
  }),
  package_pins: textMap('Package versions; refused on an immutable root.', { kubelet: '1.34.1' }).optional(),
  packages: PackagesStep.optional().meta({
    description: 'Packages; refused on an immutable root.',
    examples: [{ install: ['htop'] }],
  }),
  unpack_images: z
    .array(UnpackImageStep)
    .optional()
    .meta({
      description: 'Unpacks container images to folders.',
      examples: [[{ source: 'registry.example.com/tools:1', target: '/opt/tools' }]],
    }),
});
export type Step = z.infer<typeof Step>;
