# Walks the real /usr: names and counts are those of the host.
# timeout: 240
find /usr -xdev | wc -l
find /usr/bin -xdev -type l | LC_ALL=C sort | md5sum
find /usr/lib -xdev -name '*.so*' -type f -size +100k | LC_ALL=C sort | md5sum
ls -lR --time-style=full-iso /usr/include | md5sum
du -s --apparent-size /usr/share/doc | cut -f1
