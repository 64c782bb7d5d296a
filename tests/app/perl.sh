# Perl: files, pipes, fork, signals, sockets; the interpreter loads its modules from /usr.
# timeout: 120
# needs: perl
exec perl - << 'EOF'
use strict; use warnings;
use POSIX qw(:sys_wait_h :errno_h);
use Socket;
use IO::Handle;
$| = 1;
my %count; open(my $in, '<', '/etc/services') or $count{none} = 1;
if (defined fileno($in // *STDERR) && $in) { while (<$in>) { next if /^#/; $count{$1}++ if m{/(tcp|udp)}; } close $in; }
print join(',', map { "$_=$count{$_}" } sort keys %count), "\n";
pipe(my $r, my $w) or die; my $pid = fork // die;
if (!$pid) { close $r; print $w "from the child\n"; close $w; exit 9; }
close $w; print scalar <$r>; waitpid($pid, 0); print 'exit ', $? >> 8, "\n";
local $SIG{ALRM} = sub { die "alarm\n" };
eval { alarm 1; select(undef, undef, undef, 10); alarm 0; }; print "got $@";
socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die $!;
$a->autoflush(1); print $a "over a socket\n"; print scalar <$b>;
print `echo from backticks; exit 4`, $? >> 8, "\n";
open(my $out, '>', 'file') or die; print $out "line $_\n" for 1 .. 10000; close $out;
open($in, '<', 'file') or die; my $sum = 0; while (<$in>) { $sum += $1 if /(\d+)/ } print "$sum\n";
print -s 'file', ' ', (stat 'file')[7], "\n"; rename 'file', 'other' or die; print join(' ', glob('*')), "\n";
mkdir 'd' or die; print((mkdir 'd') ? 'again' : ($! == EEXIST ? 'EEXIST' : $!), "\n");
my @children = map { my $p = fork // die; exit $_ if !$p; $p } 1 .. 10;
my $total = 0; $total += (waitpid($_, 0), $? >> 8)[1] for @children; print "$total\n";
EOF
