select to_regclass('gone') is null and to_regclass('gone_lines') is null and to_regclass('overview') is null;
