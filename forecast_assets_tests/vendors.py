"""Two closes as vendors write them."""

VENDORS = {
    "investing": '\ufeff"Date","Price","Open","High","Low","Vol.","Change %"\n'
    '"11/24/2026","3,382.77","3,391","3,404.95","3,363.8","131.03K","-0.74%"\n'
    '"11/23/2026","3,408.10","3,409","3,419.00","3,380.1","","0.04%"\n',
    "investing in German": '"Datum","Zuletzt","Eröffn.","Hoch","Tief","Vol.","+/- %"\n'
    '"24.11.2026","3.382,77","3.391,8","3.404,9","3.363,8","131,03K","-0,74%"\n'
    '"23.11.2026","3.408,10","3.409,0","3.419,0","3.380,1","","0,04%"\n',
    "excel in German": "Datum;Schluss\n23.11.2026;3.408,10\n24.11.2026;3.382,77\n",
    "excel in Swiss": "sep=;\nDatum;Kurs\n23.11.2026;3'408.10\n24.11.2026;3'382.77\n",
    "excel in French": "Date;Dernier\n23/11/2026;3\u202f408,10\n24/11/2026;3\u202f382,77\n",
    "fred": "observation_date,GOLDAMGBD\n2026-11-23,3408.1\n2026-11-24,3382.77\n2026-11-25,.\n",
    "yfinance": "Price,Close,High,Low,Open,Volume\nTicker,GC=F,GC=F,GC=F,GC=F,GC=F\nDate,,,,,\n"
    "2026-11-23,3408.1,3500,3300,3400,100\n2026-11-24,3382.77,3500,3300,3400,100\n",
    "yfinance by columns": "Date,Close,High\n,GC=F,GC=F\n"
    "2026-11-23 00:00:00-05:00,3408.1,3500\n2026-11-24 00:00:00-05:00,3382.77,3500\n",
    "kaggle": 'Date,Price\n23-Nov-26,3408.10\n"Nov 24, 2026",3382.77\n',
    "barchart": 'Time,Open,High,Low,Latest,Change,%Change,Volume,"Open Interest"\n'
    "11/24/2026,1,3500,1,3382.77,-0.1,-0.19%,198341,300123\n"
    "11/23/2026,1,3500,1,3408.10,0.3,+0.52%,198341,300123\n"
    '"Downloaded from Barchart.com as of 11-24-2026 05:12am CST"\n',
    "stooq": "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\n"
    "GC.F,D,20261123,000000,1,3500,1,3408.1,100,0\n"
    "GC.F,D,20261124,000000,1,3500,1,3382.77,100,0\n",
    "eia": "Back to Contents,Data 1: Gold\nSourcekey,RGLD\n"
    'Date,"London, UK Gold Price FOB (Dollars per Ounce)"\n'
    '"Nov 23, 2026",3408.1\n"Nov 24, 2026",3382.77\n',
    "eia by the day": "Gold Price\nhttps://www.eia.gov/dnav\nSource: EIA\nDay,Gold  Dollars\n"
    "11/24/2026,3382.77\n11/23/2026,3408.1\n",
    "yahoo": "Date,Open,High,Low,Close,Adj Close,Volume\n2026-11-23,1,3500,1,3408.1,3400.1,10\n"
    "2026-11-24,1,3500,1,3382.77,3300,10\n2026-11-25,null,null,null,null,null,null\n",
    "yahoo's page": "Date,Open,High,Low,Close*,Adj Close**,Volume\n"
    '"Nov 24, 2026","3,382","3,391.5","3,380.5","3,382.77","3,382.77",-\n'
    '"Nov 23, 2026","3,382","3,491.5","3,380.5","3,408.10","3,408.10",-\n',
    "nasdaq": 'Date,Close/Last,Volume,Open\n11/24/2026,"$3,382.77",N/A,"$3,382.77"\n'
    '11/23/2026,"$3,408.10",123,"$3,382.77"\n',
    "ecb": 'DATE,TIME PERIOD,"Gold (EXR.D.XAU)"\n2026-11-23,23 Nov 2026,3408.1\n'
    "2026-11-24,24 Nov 2026,3382.77\n",
    "bloomberg": "Security,GC1 Comdty\nStart Date,1/1/2020\n,\nDate,PX_LAST\n11/23/2026,3408.1\n"
    "11/24/2026,3382.77\n11/25/2026,#N/A N/A\n",
    "eikon": "Exchange Date,Close,Net,%Chg,Open\n24-Nov-2026,3382.77,-0.1,-0.2%,58\n"
    "23-Nov-2026,3408.1,-0.1,-0.2%,58\n",
    "metatrader": "<DATE>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n"
    "2026.11.23\t1\t3500\t1\t3408.1\t9\t0\t5\n2026.11.24\t1\t3500\t1\t3382.77\t9\t0\t5\n",
    "dukascopy": "Gmt time,Open,High,Low,Close,Volume\n23.11.2026 00:00:00.000,1,3500,1,3408.1,9\n"
    "24.11.2026 00:00:00.000,1,3500,1,3382.77,9\n",
    "decimals between tabs": "Datum\tSchluss\n2026-11-23T00:00:00\t3408,10\n"
    "2026-11-24T00:00:00\t3382,77\n",
    "nothing but numbers": "2026-11-23,3408.1\n2026-11-24,3382.77\n",
    "a wide file": "date,Coffee,Gold,Silver\n2026-11-23,300,3408.1,50\n2026-11-24,1,3382.77,50\n",
    "tabs and suffixes": "Date\tSettle\tVolume\n2026-11-23\t3408.1\t1.2M\n"
    "2026-11-24\t3.38277K\t2B\n2026-11-25\t\t\n".replace("3.38277K", "3382.77"),
}
