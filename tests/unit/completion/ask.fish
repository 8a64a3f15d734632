# ask.fish DIRECTORY: for each line of standard input, the line, a tab, and what fish would complete its last word to.
set fish_complete_path $argv[1]
while read -l line
    printf '%s\t%s\n' "$line" (complete -C "$line" | string replace -r '\t.*' '' | string join ' ')
end
