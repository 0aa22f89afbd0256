/**
 * Completion scripts. Each runs `redis-streamer completion` with the words of the line, and offers the lines that it prints;
 * `:files` and `:directories` stand for the shell's own completion. No candidate is evaluated by a shell: names of streams are
 * chosen by clients.
 */

/** Shells with a script. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** Name of a shell. */
export type Shell = (typeof SHELLS)[number];

/** Returns the script of a shell. */
export const completionScript = (shell: Shell): string => SCRIPTS[shell];

const BASH = `_redis_streamer() {
  local current="\${COMP_WORDS[COMP_CWORD]}" word
  COMPREPLY=()
  while IFS= read -r word; do
    case "$word" in
      :files) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
      :directories) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
      *) COMPREPLY+=("$(printf %q "$word")") ;;
    esac
  done < <(redis-streamer completion bash -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _redis_streamer redis-streamer`;

const ZSH = `#compdef redis-streamer
_redis-streamer() {
  local -a found
  found=("\${(@f)$(redis-streamer completion zsh -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  case "$found[1]" in
    :files) _files ;;
    :directories) _files -/ ;;
    ?*) compadd -- "\${found[@]}" ;;
  esac
}
if [ "$funcstack[1]" = "_redis-streamer" ]; then _redis-streamer "$@"; else compdef _redis-streamer redis-streamer; fi`;

const FISH = `function __redis_streamer_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l found (redis-streamer completion fish -- $words[2..] 2>/dev/null)
  switch "$found[1]"
    case :files
      __fish_complete_path (commandline -ct)
    case :directories
      __fish_complete_directories (commandline -ct)
    case '*'
      printf '%s\\n' $found
  end
end
complete -c redis-streamer -f -a '(__redis_streamer_complete)'`;

const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
