import { sweepScript } from "../../definitions/sweep-script.ts";

/**
 * The shell that stands between us and a server, at the head of a process group of its own. It is given the end of a pipe as
 * descriptor 3, whose other end is ours: when that closes, by whatever end of ours, the group is ended within seconds, and with
 * it what has moved out of the group but still carries the mark in its environment (R3).
 *
 * $1 is how many seconds to wait before starting, the rest is the command. It says `exit CODE` on descriptor 3 when the server
 * has ended by itself, and then takes the rest of the group with it.
 */
export const KEEPER_SCRIPT = `
mark=$PPID-$$-; wait_s=$1; shift
exec 4<&0 0</dev/null
${sweepScript("HOLDFAST_MCP_MARK")}
end() { sweep; kill -KILL -$$; }
(
  exec 4<&- >/dev/null 2>&1
  trap '' TERM INT HUP
  read -r line <&3
  count=0
  while [ $count -lt 15 ]; do sleep 0.1; count=$((count + 1)); done
  kill -TERM -$$
  count=0
  while [ $count -lt 10 ]; do sleep 0.1; count=$((count + 1)); done
  end
) &
stopped=
trap 'stopped=1' TERM INT HUP
[ "$wait_s" = 0 ] || sleep "$wait_s"
[ -n "$stopped" ] && end
HOLDFAST_MCP_MARK=$mark "$@" <&4 4<&- 3<&- &
server=$!
exec 4<&-
while :; do
  wait "$server"; code=$?
  kill -0 "$server" 2>/dev/null || break
done
echo "exit $code" >&3 2>/dev/null
end
`;
