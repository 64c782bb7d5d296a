# git init, add, commit and log over 2,000 files; fixed dates make the commit ids equal to native ones.
# timeout: 240
# needs: git
set -eu
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.org
export GIT_AUTHOR_DATE='2024-01-01T00:00:00Z' GIT_COMMITTER_DATE='2024-01-01T00:00:00Z' GIT_CONFIG_NOSYSTEM=1 HOME="$PWD"
mkdir repo && cd repo
git init -q -b main .
for d in $(seq 0 39); do
  mkdir "d$d"
  for f in $(seq 0 49); do echo "file $f of $d" > "d$d/f$f.txt"; done
done
git add .
git commit -q -m 'two thousand files'
git ls-files | wc -l
git log --format='%H %s'
git status --short | wc -l
echo changed > d7/f7.txt && rm d8/f8.txt && git mv d9/f9.txt d9/moved.txt
git status --short
git diff --stat
git commit -q -am 'second' && git log --oneline --no-decorate
git branch side HEAD~1 && git checkout -q side && git merge -q --no-edit main && git rev-parse HEAD
git gc -q && git fsck --strict 2>&1 | tail -1 && git count-objects -v | grep -E '^(count|in-pack)'
git clone -q . ../clone && diff -r --exclude=.git . ../clone && echo 'the clone is equal'
git stash list | wc -l
