/** The modules of GRUB that its script needs; they are built into its image, so that nothing else is read from the disk. */
export const GRUB_MODULES = [
  'biosdisk',
  'part_gpt',
  'fat',
  'normal',
  'configfile',
  'test',
  'true',
  'echo',
  'sleep',
  'loadenv',
  'loopback',
  'linux',
  'serial',
  'terminal',
  'reboot',
] as const;

/** Where GRUB finds its files: the first partition of the disk it was started from, which is the ESP. */
export const GRUB_PREFIX = '(,gpt1)/bowline/grub';

/**
 * `grub.cfg`: the same on every machine. It goes through the menu up to four times: for the entry chosen once, for the
 * versions that are good or have starts left, and, when none of them could be loaded, for all. A start of an entry on
 * trial is taken off its counter first; where that cannot be written, the entry is passed over, for else a version that
 * hangs would start for ever. A counter that cannot be read is none: so the last good version starts.
 */
export function grubScriptText(): string {
  return `${SCRIPT.trim()}\n`;
}

// GRUB's language is no shell: no arithmetic, no arrays, functions with positional parameters.
const SCRIPT = String.raw`
if serial --unit=0 --speed=115200; then
  terminal_input console serial
  terminal_output console serial
fi
env=$prefix/grubenv
load_env -f $env trial tries once bad
menu=a
source $prefix/menu.cfg

# start ID HEX KERNEL INITRD TITLE COMMAND-LINE
function start {
  echo "Starting $5 ($1)"
  if [ "$attached" = yes ]; then
    loopback -d uki
  fi
  attached=no
  if loopback uki /EFI/bowline/$2.efi; then
    attached=yes
    if linux (uki)$3 $6 bowline.entry=$1; then
      if initrd (uki)$4; then
        boot
      fi
    fi
  fi
  echo "$1 could not be started."
}

function count {
  if [ "$trial" != "$1" ]; then
    tries=0
  fi
  counted=no
  if [ "$tries" = 3 ]; then
    tries=2
    counted=yes
  elif [ "$tries" = 2 ]; then
    tries=1
    counted=yes
  elif [ "$tries" = 1 ]; then
    tries=0
    counted=yes
  fi
  if [ "$counted" = yes ]; then
    if save_env -f $env trial tries; then
      true
    else
      counted=no
    fi
  fi
}

# version ID STATE PROFILE HEX KERNEL INITRD TITLE COMMAND-LINE
function version {
  if [ "$pass" = menu ]; then
    menuentry "$7 ($1)" "$1" "$4" "$5" "$6" "$7" "$8" {
      start "$2" "$3" "$4" "$5" "$6" "$7"
    }
  elif [ "$pass" = all ]; then
    start "$1" "$4" "$5" "$6" "$7" "$8"
  elif [ "$pass" = once ]; then
    if [ "$chosen" = "$1" ]; then
      if [ "$2" = trial ]; then
        count "$1"
      fi
      start "$1" "$4" "$5" "$6" "$7" "$8"
    fi
  elif [ "$bad" != "$1" ]; then
    if [ "$2" = good ]; then
      start "$1" "$4" "$5" "$6" "$7" "$8"
    elif [ "$2" = trial ]; then
      count "$1"
      if [ "$counted" = yes ]; then
        start "$1" "$4" "$5" "$6" "$7" "$8"
      fi
    fi
  fi
}

function go {
  pass=$1
  source $prefix/menu-$menu.cfg
}

echo "Press Esc for the boot menu."
if sleep --interruptible 1; then
  if [ -n "$once" ]; then
    chosen=$once
    unset once
    if save_env -f $env once; then
      go once
    fi
  fi
  go versions
  go all
  echo "No version of the system could be started. Next attempt in 30 seconds."
  sleep 30
  reboot
else
  timeout=-1
  go menu
fi
`;
