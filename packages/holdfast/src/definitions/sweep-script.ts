/**
 * A function of the shell, `sweep`: kills what carries `VARIABLE=$mark` in its environment, with the group that it leads, until
 * nothing does. By that whatever came of a command is found, also where it has left its group and its parents. It does nothing
 * where the system does not show environments.
 */
export const sweepScript = (variable: string): string => `
sweep() {
  [ -r /proc/self/environ ] || return 0
  round=0
  while [ $round -lt 5 ]; do
    found=$(grep -lsaF "${variable}=$mark" /proc/[0-9]*/environ 2>/dev/null)
    [ -z "$found" ] && return 0
    for file in $found; do
      pid=\${file#/proc/}; pid=\${pid%/environ}
      kill -KILL "-$pid" 2>/dev/null; kill -KILL "$pid" 2>/dev/null
    done
    round=$((round + 1))
  done
}`;
