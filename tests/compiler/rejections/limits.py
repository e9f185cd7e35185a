"""What Lua's own limits would refuse when loading, or worse."""

from .store import Store


def locals_of(n: int) -> int:  # GMQ501
    n0 = n + 0
    n1 = n + 1
    n2 = n + 2
    n3 = n + 3
    n4 = n + 4
    n5 = n + 5
    n6 = n + 6
    n7 = n + 7
    n8 = n + 8
    n9 = n + 9
    n10 = n + 10
    n11 = n + 11
    n12 = n + 12
    n13 = n + 13
    n14 = n + 14
    n15 = n + 15
    n16 = n + 16
    n17 = n + 17
    n18 = n + 18
    n19 = n + 19
    n20 = n + 20
    n21 = n + 21
    n22 = n + 22
    n23 = n + 23
    n24 = n + 24
    n25 = n + 25
    n26 = n + 26
    n27 = n + 27
    n28 = n + 28
    n29 = n + 29
    n30 = n + 30
    n31 = n + 31
    n32 = n + 32
    n33 = n + 33
    n34 = n + 34
    n35 = n + 35
    n36 = n + 36
    n37 = n + 37
    n38 = n + 38
    n39 = n + 39
    n40 = n + 40
    n41 = n + 41
    n42 = n + 42
    n43 = n + 43
    n44 = n + 44
    n45 = n + 45
    n46 = n + 46
    n47 = n + 47
    n48 = n + 48
    n49 = n + 49
    n50 = n + 50
    n51 = n + 51
    n52 = n + 52
    n53 = n + 53
    n54 = n + 54
    n55 = n + 55
    n56 = n + 56
    n57 = n + 57
    n58 = n + 58
    n59 = n + 59
    n60 = n + 60
    n61 = n + 61
    n62 = n + 62
    n63 = n + 63
    n64 = n + 64
    n65 = n + 65
    n66 = n + 66
    n67 = n + 67
    n68 = n + 68
    n69 = n + 69
    n70 = n + 70
    n71 = n + 71
    n72 = n + 72
    n73 = n + 73
    n74 = n + 74
    n75 = n + 75
    n76 = n + 76
    n77 = n + 77
    n78 = n + 78
    n79 = n + 79
    n80 = n + 80
    n81 = n + 81
    n82 = n + 82
    n83 = n + 83
    n84 = n + 84
    n85 = n + 85
    n86 = n + 86
    n87 = n + 87
    n88 = n + 88
    n89 = n + 89
    n90 = n + 90
    n91 = n + 91
    n92 = n + 92
    n93 = n + 93
    n94 = n + 94
    n95 = n + 95
    n96 = n + 96
    n97 = n + 97
    n98 = n + 98
    n99 = n + 99
    n100 = n + 100
    n101 = n + 101
    n102 = n + 102
    n103 = n + 103
    n104 = n + 104
    n105 = n + 105
    n106 = n + 106
    n107 = n + 107
    n108 = n + 108
    n109 = n + 109
    n110 = n + 110
    n111 = n + 111
    n112 = n + 112
    n113 = n + 113
    n114 = n + 114
    n115 = n + 115
    n116 = n + 116
    n117 = n + 117
    n118 = n + 118
    n119 = n + 119
    n120 = n + 120
    n121 = n + 121
    n122 = n + 122
    n123 = n + 123
    n124 = n + 124
    n125 = n + 125
    n126 = n + 126
    n127 = n + 127
    n128 = n + 128
    n129 = n + 129
    n130 = n + 130
    n131 = n + 131
    n132 = n + 132
    n133 = n + 133
    n134 = n + 134
    n135 = n + 135
    n136 = n + 136
    n137 = n + 137
    n138 = n + 138
    n139 = n + 139
    n140 = n + 140
    n141 = n + 141
    n142 = n + 142
    n143 = n + 143
    n144 = n + 144
    n145 = n + 145
    n146 = n + 146
    n147 = n + 147
    n148 = n + 148
    n149 = n + 149
    return n0


def parts(a: str) -> str:
    return a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a  # GMQ502


def arguments(s: Store, key: str, n: int) -> None:
    s.hset(key, f0=n, f1=n, f2=n, f3=n, f4=n, f5=n, f6=n, f7=n, f8=n, f9=n, f10=n, f11=n, f12=n, f13=n, f14=n, f15=n, f16=n, f17=n, f18=n, f19=n, f20=n, f21=n, f22=n, f23=n, f24=n, f25=n, f26=n, f27=n, f28=n, f29=n, f30=n, f31=n, f32=n, f33=n, f34=n, f35=n, f36=n, f37=n, f38=n, f39=n, f40=n, f41=n, f42=n, f43=n, f44=n, f45=n, f46=n, f47=n, f48=n, f49=n, f50=n, f51=n, f52=n, f53=n, f54=n, f55=n, f56=n, f57=n, f58=n, f59=n, f60=n, f61=n, f62=n, f63=n, f64=n, f65=n, f66=n, f67=n, f68=n, f69=n, f70=n, f71=n, f72=n, f73=n, f74=n, f75=n, f76=n, f77=n, f78=n, f79=n, f80=n, f81=n, f82=n, f83=n, f84=n, f85=n, f86=n, f87=n, f88=n, f89=n, f90=n, f91=n, f92=n, f93=n, f94=n, f95=n, f96=n, f97=n, f98=n, f99=n, f100=n)  # GMQ502


def blocks(n: int) -> int:
    for i0 in range(n):
        for i1 in range(n):
            for i2 in range(n):
                for i3 in range(n):
                    for i4 in range(n):
                        for i5 in range(n):
                            for i6 in range(n):
                                for i7 in range(n):
                                    for i8 in range(n):
                                        for i9 in range(n):
                                            for i10 in range(n):
                                                for i11 in range(n):
                                                    for i12 in range(n):
                                                        for i13 in range(n):
                                                            for i14 in range(n):
                                                                for i15 in range(n):
                                                                    for i16 in range(n):
                                                                        for i17 in range(n):
                                                                            for i18 in range(n):
                                                                                for i19 in range(n):
                                                                                    n = n + 1  # GMQ503
    return n


def expressions(n: int) -> int:
    return max(1, max(1, max(1, max(1, max(1, max(1, max(1, max(1, max(1, max(1, max(1, max(1, max(1, max(1, max(1, max(1, max(1, max(1, max(1, max(1, n))))))))))))))))))))  # GMQ503
